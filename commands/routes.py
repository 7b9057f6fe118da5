"""The table of commands: who gathers what each decides on, and who decides."""

from collections.abc import Mapping

from commands import (
    access,
    alert_rules,
    check_incidents,
    check_results,
    checks,
    engine_time,
    inbound_alerts,
    incident_changes,
    incident_merging,
    incident_moves,
    incident_opening,
    incidents,
    instances,
    intakes,
    job_locks,
    jobs,
    messages,
    processes,
    samples,
    signals,
    tasks,
    user_tasks,
    variables,
    webhooks,
)
from commands.handling import Route
from domain.bpmn.instance import Instance
from domain.processes.process import DeployedVersion

ROUTES: Mapping[type, Route] = {
    processes.CreateProcess: Route(processes.gather_create, processes.decide_create, DeployedVersion),
    instances.StartProcessInstance: Route(instances.gather_start, instances.decide_start, Instance),
    instances.SuspendProcessInstance: Route(instances.gather_instance, instances.decide_suspend),
    instances.ResumeProcessInstance: Route(instances.gather_instance, instances.decide_resume),
    instances.CancelProcessInstance: Route(instances.gather_instance, instances.decide_cancel),
    variables.SetProcessVariables: Route(variables.gather_set_process, variables.decide_set_process),
    variables.SetElementVariables: Route(variables.gather_set_element, variables.decide_set_element),
    jobs.CompleteJob: Route(jobs.gather_complete, jobs.decide_complete, jobs.JobAnswer),
    job_locks.LockJobsOf: Route(job_locks.gather_jobs_of, job_locks.decide_lock),
    job_locks.UnlockJobsOf: Route(job_locks.gather_jobs_of, job_locks.decide_unlock),
    job_locks.ExpireLocksOf: Route(job_locks.gather_jobs_of, job_locks.decide_expire),
    messages.SendMessage: Route(messages.gather_send, messages.decide_send, messages.MessageAnswer),
    signals.SendSignal: Route(signals.gather_send, signals.decide_send, signals.SignalAnswer),
    user_tasks.UpdateUserTask: Route(user_tasks.gather_update, user_tasks.decide_update, user_tasks.UserTaskAnswer),
    tasks.RunTask: Route(tasks.gather_task, tasks.decide_run),
    tasks.UnlockTask: Route(tasks.gather_task, tasks.decide_unlock),
    incidents.ResolveIncident: Route(incidents.gather_resolve, incidents.decide_resolve),
    incident_opening.OpenIncident: Route(incident_opening.gather_open, incident_opening.decide_open, str),
    incident_moves.MoveIncident: Route(incident_moves.gather_move, incident_moves.decide_move, str),
    incident_moves.ReturnToOpen: Route(incident_moves.gather_return, incident_moves.decide_return),
    incident_changes.ChangeIncident: Route(incident_changes.gather_change, incident_changes.decide_change, str),
    incident_changes.AddNote: Route(
        incident_changes.gather_note, incident_changes.decide_note, incident_changes.NoteAnswer
    ),
    incident_merging.MergeIncident: Route(incident_merging.gather_merge, incident_merging.decide_merge, str),
    check_incidents.OpenIncidentOfCheck: Route(check_incidents.gather_open, check_incidents.decide_open, str),
    inbound_alerts.RaiseAlert: Route(
        inbound_alerts.gather_alert, inbound_alerts.decide_raise, inbound_alerts.AlertAnswer
    ),
    inbound_alerts.AcknowledgeAlert: Route(
        inbound_alerts.gather_alert, inbound_alerts.decide_acknowledge, inbound_alerts.AlertAnswer
    ),
    inbound_alerts.ResolveAlert: Route(
        inbound_alerts.gather_alert, inbound_alerts.decide_resolve, inbound_alerts.AlertAnswer
    ),
    intakes.OpenIntake: Route(intakes.gather_open, intakes.decide_open),
    intakes.CloseIntake: Route(intakes.gather_close, intakes.decide_close),
    alert_rules.CreateRule: Route(alert_rules.gather_create, alert_rules.decide_create, str),
    alert_rules.ReplaceRule: Route(alert_rules.gather_replace, alert_rules.decide_replace, str),
    alert_rules.EnableRule: Route(alert_rules.gather_rule, alert_rules.decide_enable, str),
    alert_rules.DeleteRule: Route(alert_rules.gather_rule, alert_rules.decide_delete, str),
    alert_rules.FireRule: Route(alert_rules.gather_fire, alert_rules.decide_fire),
    alert_rules.TellEvaluation: Route(alert_rules.gather_fire, alert_rules.decide_tell),
    samples.ReportSamples: Route(samples.gather_report, samples.decide_report, int),
    checks.CreateCheck: Route(checks.gather_create, checks.decide_create, str),
    checks.ChangeCheck: Route(checks.gather_change, checks.decide_change, str),
    checks.DeleteCheck: Route(checks.gather_delete, checks.decide_delete, str),
    check_results.ReportResults: Route(
        check_results.gather_report, check_results.decide_report, check_results.ResultsAnswer
    ),
    webhooks.CreateWebhook: Route(webhooks.gather_create, webhooks.decide_create, webhooks.SealedAnswer),
    webhooks.ChangeWebhook: Route(webhooks.gather_change, webhooks.decide_change, str),
    webhooks.RotateWebhookSecret: Route(webhooks.gather_rotate, webhooks.decide_rotate, webhooks.SealedAnswer),
    webhooks.EnableWebhook: Route(webhooks.gather_switch, webhooks.decide_enable, str),
    webhooks.DisableWebhook: Route(webhooks.gather_switch, webhooks.decide_disable, str),
    webhooks.DeleteWebhook: Route(webhooks.gather_delete, webhooks.decide_delete, str),
    webhooks.TestWebhook: Route(webhooks.gather_send, webhooks.decide_test, str),
    webhooks.RedeliverEvent: Route(webhooks.gather_send, webhooks.decide_redeliver, str),
    webhooks.ReplayEvents: Route(webhooks.gather_send, webhooks.decide_replay, str),
    access.RegisterTenant: Route(access.gather_register, access.decide_register),
    access.ChangeTenant: Route(access.gather_change, access.decide_change),
    access.IssueKey: Route(access.gather_issue, access.decide_issue),
    access.RevokeKey: Route(access.gather_revoke, access.decide_revoke),
    access.FoundDeployment: Route(access.gather_found, access.decide_found),
    engine_time.SetTime: Route(engine_time.gather_set_time, engine_time.decide_set_time, engine_time.TimeAnswer),
}
