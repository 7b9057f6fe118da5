"""The table of commands: who gathers what each decides on, and who decides."""

from collections.abc import Mapping

from commands import access, engine_time, incidents, instances, jobs, processes, tasks, variables
from commands.handling import Route
from domain.bpmn.instance import Instance
from domain.processes.process import DeployedVersion

ROUTES: Mapping[type, Route] = {
    processes.CreateProcess: Route(processes.gather_create, processes.decide_create, DeployedVersion),
    instances.StartProcessInstance: Route(instances.gather_start, instances.decide_start, Instance),
    instances.SuspendProcessInstance: Route(instances.gather_instance, instances.decide_suspend),
    instances.ResumeProcessInstance: Route(instances.gather_instance, instances.decide_resume),
    variables.SetProcessVariables: Route(variables.gather_set_process, variables.decide_set_process),
    variables.SetElementVariables: Route(variables.gather_set_element, variables.decide_set_element),
    jobs.CompleteJob: Route(jobs.gather_complete, jobs.decide_complete, jobs.JobAnswer),
    jobs.LockJobsOf: Route(jobs.gather_jobs_of, jobs.decide_lock),
    jobs.UnlockJobsOf: Route(jobs.gather_jobs_of, jobs.decide_unlock),
    tasks.RunTask: Route(tasks.gather_task, tasks.decide_run),
    tasks.UnlockTask: Route(tasks.gather_task, tasks.decide_unlock),
    incidents.ResolveIncident: Route(incidents.gather_resolve, incidents.decide_resolve),
    access.RegisterTenant: Route(access.gather_register, access.decide_register),
    access.ChangeTenant: Route(access.gather_change, access.decide_change),
    access.IssueKey: Route(access.gather_issue, access.decide_issue),
    access.RevokeKey: Route(access.gather_revoke, access.decide_revoke),
    access.FoundDeployment: Route(access.gather_found, access.decide_found),
    engine_time.SetTime: Route(engine_time.gather_set_time, engine_time.decide_set_time, engine_time.TimeAnswer),
}
