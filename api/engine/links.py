"""Where the answers of the engine's operations lead, for the OpenAPI document: clients, and tests, can follow them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Json = dict[str, Any]


class Link(NamedTuple):
    """A way to another operation: the parameters and the members of the body that it takes, as runtime expressions."""

    to: str
    parameters: Mapping[str, str] = {}
    body: Mapping[str, Any] = {}


def _answered(*names: str, at: str = "") -> dict[str, str]:
    return {name: f"$response.body#{at}/{name}" for name in names}


_THE_SAME = {"partition": "$request.path.partition", "id": "$request.path.id"}
_THIS = _answered("partition", "id")
_FIRST = _answered("partition", "id", at="/results/0")
_BY_THE_SAME = {"workerId": "$request.body#/workerId"}
_WITHIN = {**_answered("partition"), "processInstanceId": "$response.body#/id"}

LINKS: Mapping[str, tuple[Link, ...]] = {
    "createProcess": (
        Link("getBpmnXml", _answered("id")),
        Link("queryElements", body={"processId": "$response.body#/id"}),
        Link("createProcessInstance", body={**_answered("bpmnProcessId", "version"), **_BY_THE_SAME}),
    ),
    "queryProcesses": (Link("getBpmnXml", _answered("id", at="/results/0")),),
    "createProcessInstance": (
        Link("suspendProcessInstance", _THIS),
        Link("resumeProcessInstance", _THIS),
        Link("cancelProcessInstance", _THIS),
        Link("getProcessVariables", _THIS),
        Link("setProcessVariables", _THIS),
        Link("queryElementInstances", body=_WITHIN),
        Link("queryJobs", body=_WITHIN),
        Link("queryUserTasks", body=_WITHIN),
        Link("queryMessageSubscriptions", body=_WITHIN),
        Link("querySignalSubscriptions", body=_WITHIN),
        Link("lockJobs", body={**_WITHIN, **_BY_THE_SAME, "limit": 10}),
    ),
    "suspendProcessInstance": (Link("resumeProcessInstance", _THE_SAME),),
    "resumeProcessInstance": (Link("suspendProcessInstance", _THE_SAME),),
    "setProcessVariables": (Link("getProcessVariables", _THE_SAME),),
    "queryElementInstances": (Link("getElementVariables", _FIRST), Link("setElementVariables", _FIRST)),
    "setElementVariables": (Link("getElementVariables", _THE_SAME),),
    "lockJobs": (
        Link("completeJob", _answered("partition", "id", at="/jobs/0"), _BY_THE_SAME),
        Link("unlockJobs", body=_BY_THE_SAME),
    ),
    "createProcessInstances": (
        Link("cancelProcessInstance", _answered("partition", "id", at="/results/0/processInstance")),
    ),
    "queryUserTasks": (Link("updateUserTask", _FIRST, {"revision": "$response.body#/results/0/revision"}),),
    "updateUserTask": (Link("updateUserTask", _THE_SAME, {**_answered("revision"), **_BY_THE_SAME}),),
    "sendMessage": (Link("queryMessages", body=_answered("id")),),
    "queryMessageSubscriptions": (Link("sendMessage", body=_answered("name", "correlationKey", at="/results/0")),),
    "querySignalSubscriptions": (Link("sendSignal", body=_answered("name", at="/results/0")),),
    "queryJobs": (Link("completeJob", _FIRST, {"workerId": "$response.body#/results/0/lockedBy"}),),
    "completeJob": (
        Link("queryIncidents", body={**_answered("partition"), "jobId": "$response.body#/id"}),
        Link("queryJobs", body=_answered("partition", "processInstanceId")),
    ),
    "queryIncidents": (Link("resolveIncident", _FIRST),),
}


def links_of(operation_id: str) -> Iterator[tuple[str, Json]]:
    """Yield the links of an operation's answer, by name, as OpenAPI writes them."""
    for link in LINKS.get(operation_id, ()):
        body = {"requestBody": dict(link.body)} if link.body else {}
        yield link.to, {"operationId": link.to, "parameters": dict(link.parameters), **body}
