"""Where answers about incidents, checks and webhooks lead, for the OpenAPI document, also from one API to another."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

#: Operations that take the id of an incident, by the name of their parameter.
_OF_INCIDENTS: Mapping[str, Sequence[str]] = {
    "incident_id": (
        "getFeedIncident",
        "moveFeedIncident",
        "rateFeedIncident",
        "showFeedIncidentHistory",
        "mergeFeedIncident",
        "getAlertIncident",
        "moveAlertIncident",
        "addAlertNote",
    ),
    "id": (
        "getUptimeIncident",
        "changeUptimeIncident",
        "moveUptimeIncident",
        "acknowledgeUptimeIncident",
        "listIncidentUpdates",
        "addIncidentUpdate",
        "listAffectedChecks",
    ),
}
_OF_CHECKS: Mapping[str, Sequence[str]] = {"id": ("getCheck", "changeCheck", "reportResults", "deleteCheck")}
_OF_RULES: Mapping[str, Sequence[str]] = {
    "rule_id": ("getAlertRule", "replaceAlertRule", "enableAlertRule", "deleteAlertRule")
}
_OF_WEBHOOKS: Mapping[str, Sequence[str]] = {
    "id": (
        "getWebhook",
        "changeWebhook",
        "rotateWebhookSecret",
        "disableWebhook",
        "enableWebhook",
        "testWebhook",
        "replayWebhook",
        "listDeliveries",
        "deleteWebhook",
    )
}
_OF_INTAKES: Mapping[str, Sequence[str]] = {"id": ("closeIntake",)}

#: Where the id stands in an operation's answer, and what takes it.
_LEADS: Mapping[str, tuple[str, Mapping[str, Sequence[str]]]] = {
    "createFeedIncident": ("/incidentId", _OF_INCIDENTS),
    "createFeedIncidentInChat": ("/incidentId", _OF_INCIDENTS),
    "listFeedIncidents": ("/incidents/0/incidentId", _OF_INCIDENTS),
    "openUptimeIncident": ("/data/incident/id", _OF_INCIDENTS),
    "listUptimeIncidents": ("/data/incidents/0/id", _OF_INCIDENTS),
    "listAlertIncidents": ("/incidents/0/_id", _OF_INCIDENTS),
    "createCheck": ("/data/check/id", _OF_CHECKS),
    "listChecks": ("/data/checks/0/id", _OF_CHECKS),
    "createAlertRule": ("/rule/_id", _OF_RULES),
    "openIntake": ("/id", _OF_INTAKES),
    "createWebhook": ("/id", _OF_WEBHOOKS),
    "listWebhooks": ("/webhooks/0/id", _OF_WEBHOOKS),
}


#: What goes into a body, by the operation that the link comes from and the one that it leads to.
_BODIES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("listFeedIncidents", "mergeFeedIncident"): {"into": "$response.body#/incidents/1/incidentId"},
}


def links_of(operation_id: str) -> Iterator[tuple[str, Json]]:
    """Yield the links of an operation's answer, by name, as OpenAPI writes them."""
    place, leads = _LEADS.get(operation_id, ("", {}))
    for parameter, operations in leads.items():
        for name in operations:
            body = _BODIES.get((operation_id, name))
            carried = {"requestBody": dict(body)} if body else {}
            yield name, {"operationId": name, "parameters": {parameter: f"$response.body#{place}"}, **carried}
