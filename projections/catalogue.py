"""Every read model there is. A new one adds its line here, and its tables are made and filled at the next start."""

from projections.acknowledgements.projector import READ_MODEL as ACKNOWLEDGEMENTS
from projections.alert_rules.projector import READ_MODEL as ALERT_RULES
from projections.alert_samples.projector import READ_MODEL as ALERT_SAMPLES
from projections.checks.projector import READ_MODEL as CHECKS
from projections.element_instances.projector import READ_MODEL as ELEMENT_INSTANCES
from projections.elements.projector import READ_MODEL as ELEMENTS
from projections.incident_analytics.projector import READ_MODEL as INCIDENT_ANALYTICS
from projections.incident_list.projector import READ_MODEL as INCIDENT_LIST
from projections.incident_timeline.projector import READ_MODEL as INCIDENT_TIMELINE
from projections.incidents.projector import READ_MODEL as INCIDENTS
from projections.insight_heatmap.projector import READ_MODEL as INSIGHT_HEATMAP
from projections.insight_incidents_graph.projector import READ_MODEL as INSIGHT_INCIDENTS_GRAPH
from projections.insight_incidents_table.projector import READ_MODEL as INSIGHT_INCIDENTS_TABLE
from projections.insight_totals.projector import READ_MODEL as INSIGHT_TOTALS
from projections.insight_versions.projector import READ_MODEL as INSIGHT_VERSIONS
from projections.jobs.projector import READ_MODEL as JOBS
from projections.message_subscriptions.projector import READ_MODEL as MESSAGE_SUBSCRIPTIONS
from projections.messages.projector import READ_MODEL as MESSAGES
from projections.process_instances.projector import READ_MODEL as PROCESS_INSTANCES
from projections.processes.projector import READ_MODEL as PROCESSES
from projections.read_model import ReadModel
from projections.signal_subscriptions.projector import READ_MODEL as SIGNAL_SUBSCRIPTIONS
from projections.tasks.projector import READ_MODEL as TASKS
from projections.user_tasks.projector import READ_MODEL as USER_TASKS
from projections.variables.projector import READ_MODEL as VARIABLES
from projections.webhooks.projector import READ_MODEL as WEBHOOKS
from projections.work_outcomes.projector import READ_MODEL as WORK_OUTCOMES

READ_MODELS: tuple[ReadModel, ...] = (
    PROCESSES,
    ELEMENTS,
    PROCESS_INSTANCES,
    ELEMENT_INSTANCES,
    JOBS,
    TASKS,
    USER_TASKS,
    INCIDENTS,
    VARIABLES,
    MESSAGES,
    MESSAGE_SUBSCRIPTIONS,
    SIGNAL_SUBSCRIPTIONS,
    INSIGHT_HEATMAP,
    INSIGHT_VERSIONS,
    INSIGHT_INCIDENTS_TABLE,
    INSIGHT_INCIDENTS_GRAPH,
    INSIGHT_TOTALS,
    INCIDENT_LIST,
    INCIDENT_TIMELINE,
    INCIDENT_ANALYTICS,
    ALERT_RULES,
    ALERT_SAMPLES,
    WORK_OUTCOMES,
    CHECKS,
    ACKNOWLEDGEMENTS,
    WEBHOOKS,
)
