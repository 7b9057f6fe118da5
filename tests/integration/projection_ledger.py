"""What a reader of the facts would write into the engine's lists by hand: one fact after the other, in plain Python.

Rows are in the form of the contract (contracts/engine.md 1.5). It shares nothing with the read models but the facts.
"""

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from domain.bpmn import events as bpmn
from domain.bpmn.graph import EventDefinition, Timer
from domain.event import Recorded
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved
from domain.messaging import events as messaging
from domain.processes.events import ProcessDeployed

Row = dict[str, Any]


def text(moment: datetime) -> str:
    """Write a time with as many digits of the second's fraction as it needs, at most three."""
    fraction = f"{moment.microsecond // 1000:03d}".rstrip("0")
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + "Z"


def tags(given: dict[str, str]) -> list[Row]:
    return [{"name": name, "value": given[name]} for name in sorted(given)]


class Ledger:
    """The lists of all tenants; each row also has its ``tenant`` and, where it helps, members that begin with ``_``."""

    def __init__(self, facts: Iterable[Recorded]) -> None:
        self.processes: list[Row] = []
        self.elements: list[Row] = []
        self.types: dict[int, str] = {}
        self.instances: dict[tuple[str, int], Row] = {}
        self.element_instances: dict[tuple[str, int], Row] = {}
        self.jobs: dict[tuple[str, int], Row] = {}
        self.tasks: dict[tuple[str, int], Row] = {}
        self.incidents: dict[str, Row] = {}
        self.variables: dict[tuple[str, int], Row] = {}
        self.user_tasks: dict[tuple[str, int], Row] = {}
        self.messages: dict[int, Row] = {}
        self.message_subscriptions: dict[int, Row] = {}
        self.signal_subscriptions: dict[int, Row] = {}
        for fact in facts:
            self._write(fact)

    def list_of(self, rows: Iterable[Row], tenant: str, **wanted: Any) -> list[Row]:
        """Return the tenant's rows that have the wanted members, in order and as clients see them."""
        kept = [row for row in rows if row["tenant"] == tenant and all(row.get(k) == v for k, v in wanted.items())]
        kept.sort(key=lambda row: ("" if "_by_id" in row else row.get("partition", ""), row["id"]))
        return [shown(row) for row in kept]

    def _write(self, fact: Recorded) -> None:
        kind = fact.stream.split("-")[0]
        if isinstance(fact.event, ProcessDeployed):
            self._deploy(fact, fact.event)
        elif kind == "incident":
            self._incident(fact)
        elif kind == "channel":
            self._channel(fact)
        elif kind == "signal":
            self._signal(fact)
        elif kind in ("instance", "task"):
            _, year, month, day, number = fact.stream.split("-")
            self._instance(fact, f"{year}-{month}-{day}", int(number))

    def _new(self, fact: Recorded, partition: str, **members: Any) -> Row:
        stamp = {"createdAt": text(fact.happened_at), "createdBy": fact.actor.id}
        return {"tenant": fact.tenant, "partition": partition, **stamp, **members}

    def _deploy(self, fact: Recorded, event: ProcessDeployed) -> None:
        row = self._new(
            fact, "", id=event.process_id, bpmnProcessId=event.bpmn_process_id, version=event.version, _xml=event.xml
        )
        self.processes.append({**row, "tags": tags(event.tags), "parallelism": event.parallelism})
        for older in self.elements:
            if older["tenant"] == fact.tenant and older["_starts"] == event.bpmn_process_id:
                older["eventDefinition"]["suspended"] = True
        for element in event.elements:
            starts = element.type.value.endswith("START_EVENT") and element.parent == event.bpmn_process_id
            self.types[element.id] = element.type.value
            self.elements.append(
                {
                    "tenant": fact.tenant,
                    "id": element.id,
                    "processId": event.process_id,
                    "bpmnElementId": element.bpmn_element_id,
                    "bpmnElementName": element.name,
                    "bpmnElementType": element.type.value,
                    "parentBpmnElementId": element.parent,
                    "multiInstance": element.multi_instance,
                    "eventDefinition": definition(element.definition),
                    "_starts": event.bpmn_process_id if starts and element.definition else "",
                }
            )

    def _incident(self, fact: Recorded) -> None:
        match fact.event:
            case IncidentOpened(process=cause) if cause is not None:
                self.incidents[fact.stream] = self._new(
                    fact,
                    cause.partition,
                    id=cause.incident_id,
                    elementId=cause.element_id,
                    elementInstanceId=cause.element_instance_id,
                    jobId=cause.job_id,
                    processId=cause.process_id,
                    processInstanceId=cause.process_instance_id,
                    taskId=cause.task_id,
                )
            case IncidentResolved() | IncidentCanceled() if fact.stream in self.incidents:
                self.incidents[fact.stream] |= {
                    "resolvedAt": text(fact.happened_at),
                    "resolvedBy": fact.actor.id,
                }

    def _instance(self, fact: Recorded, partition: str, number: int) -> None:
        event = fact.event
        name = type(event).__name__
        if name.startswith("ProcessInstance"):
            self._process_instance(fact, partition, number)
        elif name.startswith("Element"):
            self._element(fact, partition, number)
        elif isinstance(event, bpmn.JobCreated | bpmn.TaskCreated):
            self._work_created(fact, partition, number)
        elif name.startswith(("Job", "Task")):
            self._work_changed(fact, partition, name)
        elif name.startswith("UserTask"):
            self._user_task(fact, partition, number)
        elif name.startswith("Signal"):
            self._signal(fact, partition, number)
        else:
            self._variable(fact, partition, number)

    def _process_instance(self, fact: Recorded, partition: str, number: int) -> None:
        match fact.event:
            case bpmn.ProcessInstanceStarted() as event:
                self.instances[partition, number] = self._new(
                    fact,
                    partition,
                    id=number,
                    processId=event.process_id,
                    bpmnProcessId=event.bpmn_process_id,
                    version=event.version,
                    correlationKey=event.correlation_key,
                    startedAt="" if event.state == "QUEUED" else text(fact.happened_at),
                    state=event.state.value,
                    tags=tags(event.tags),
                    parentId=event.parent_id,
                    rootId=event.root_id,
                )
            case bpmn.ProcessInstanceDequeued():
                self.instances[partition, number] |= {"state": "STARTED", "startedAt": text(fact.happened_at)}
            case bpmn.ProcessInstanceSuspended():
                self.instances[partition, number]["state"] = "SUSPENDED"
            case bpmn.ProcessInstanceResumed():
                self.instances[partition, number]["state"] = "STARTED"
            case bpmn.ProcessInstanceCompleted():
                self.instances[partition, number] |= {"state": "COMPLETED", "endedAt": text(fact.happened_at)}
            case bpmn.ProcessInstanceTerminated():
                self.instances[partition, number] |= {"state": "TERMINATED", "endedAt": text(fact.happened_at)}
            case bpmn.ProcessInstanceCanceled():
                self.instances[partition, number] |= {"state": "CANCELED", "endedAt": text(fact.happened_at)}

    def _element(self, fact: Recorded, partition: str, number: int) -> None:
        at = text(fact.happened_at)
        match fact.event:
            case bpmn.ElementEntered() | bpmn.ElementPassed() as event:
                row = self._new(
                    fact,
                    partition,
                    id=event.id,
                    parentId=event.parent_id,
                    elementId=event.element_id,
                    processId=event.process_id,
                    processInstanceId=number,
                    bpmnElementId=event.element,
                    bpmnElementType=self.types[event.element_id],
                )
                if isinstance(event, bpmn.ElementPassed):
                    row |= {"state": "COMPLETED", "startedAt": at, "endedAt": at}
                elif event.state == "STARTED":
                    row |= {"state": "STARTED", "startedAt": at}
                else:
                    row["state"] = event.state.value
                row["multiInstance"] = getattr(event, "multi_instance", False)
                self.element_instances[partition, event.id] = row
            case bpmn.ElementStarted(id=id_):
                self.element_instances[partition, id_] |= {"state": "STARTED", "startedAt": at}
            case bpmn.ElementSuspended(id=id_):
                self.element_instances[partition, id_]["state"] = "SUSPENDED"
            case bpmn.ElementResumed(id=id_, state=state):
                self.element_instances[partition, id_]["state"] = state.value
            case bpmn.ElementCompleted(id=id_):
                self.element_instances[partition, id_] |= {"state": "COMPLETED", "endedAt": at}
                self.element_instances[partition, id_].setdefault("startedAt", at)
            case bpmn.ElementTerminated(id=id_):
                self.element_instances[partition, id_] |= {"state": "TERMINATED", "endedAt": at}

    def _work_created(self, fact: Recorded, partition: str, number: int) -> None:
        event = fact.event
        assert isinstance(event, bpmn.JobCreated | bpmn.TaskCreated)
        row = self._new(
            fact,
            partition,
            id=event.id,
            elementId=event.element_id,
            elementInstanceId=event.element_instance_id,
            processId=event.process_id,
            processInstanceId=number
            if fact.stream.startswith("instance")
            else getattr(event, "process_instance_id", 0),
            bpmnElementId=event.element,
            dueAt=text(event.due_at),
            retryCount=event.retry_count,
            state="CREATED",
            type=event.type.value,
            _due=event.due_at,
        )
        if isinstance(event, bpmn.JobCreated):
            self.jobs[partition, event.id] = {**row, "correlationKey": event.correlation_key}
        else:
            self.tasks[partition, event.id] = {**row, "serializedTask": serialized(event)}

    def _work_changed(self, fact: Recorded, partition: str, name: str) -> None:
        event: Any = fact.event
        row = (self.jobs if name.startswith("Job") else self.tasks)[partition, event.id]
        at = text(fact.happened_at)
        match name.removeprefix("Job").removeprefix("Task"):
            case "Locked":
                row |= {"state": "LOCKED", "lockedAt": at, "lockedBy": fact.actor.id}
            case "Unlocked" | "LockExpired":
                row |= {"state": "CREATED", "lockedAt": "", "lockedBy": ""}
            case "Completed":
                row |= {"state": "DONE", "completedAt": at}
            case "Canceled":
                row |= {"state": "CANCELED", "completedAt": at}
            case "Failed":
                state = "CAUSED_INCIDENT" if event.incident_id else "CAUSED_RETRY"
                row |= {"state": state, "completedAt": at, "error": event.error}

    def _variable(self, fact: Recorded, partition: str, number: int) -> None:
        match fact.event:
            case bpmn.VariableSet() as event:
                first = self.variables.get((partition, event.id)) or self._new(fact, partition)
                self.variables[partition, event.id] = first | {
                    "id": event.id,
                    "elementId": event.element_id,
                    "elementInstanceId": event.element_instance_id,
                    "processId": event.process_id,
                    "processInstanceId": number,
                    "name": event.name,
                    "encoding": event.encoding,
                    "encrypted": event.encrypted,
                    "updatedAt": text(fact.happened_at),
                    "updatedBy": fact.actor.id,
                    "_value": event.value,
                    "_sealed_for": event.sealed_for,
                }
            case bpmn.VariableDeleted(id=id_):
                del self.variables[partition, id_]

    def _user_task(self, fact: Recorded, partition: str, number: int) -> None:
        event: Any = fact.event
        if isinstance(event, bpmn.UserTaskCreated):
            self.user_tasks[partition, event.id] = self._new(
                fact,
                partition,
                id=event.id,
                elementId=event.element_id,
                elementInstanceId=event.element_instance_id,
                processId=event.process_id,
                processInstanceId=number,
                bpmnElementId=event.element,
                correlationKey=event.correlation_key,
                revision=1,
                state="STARTED",
                tags=[],
            )
        row = self.user_tasks[partition, event.id]
        row |= {"updatedAt": text(fact.happened_at), "updatedBy": fact.actor.id}
        match event:
            case bpmn.UserTaskUpdated():
                row |= {"revision": event.revision, "tags": tags(event.tags)}
            case bpmn.UserTaskCompleted():
                row |= {"revision": event.revision, "tags": tags(event.tags), "state": "COMPLETED"}
            case bpmn.UserTaskTerminated():
                row["state"] = "TERMINATED"

    def _channel(self, fact: Recorded) -> None:
        match fact.event:
            case messaging.MessageSent() as event:
                row = self._new(fact, "", id=event.id, name=event.name, correlationKey=event.correlation_key)
                row |= {"uniqueKey": event.unique_key, "correlated": False, "_expires": event.expires_at}
                self.messages[event.id] = row | {"expiresAt": text(event.expires_at)}
            case messaging.MessageCorrelated() as event:
                self.messages[event.id] |= {"correlated": True, "expiresAt": "", "_expires": None}
                self.message_subscriptions.pop(event.subscription_id, None)
            case messaging.MessageClosed() as event:
                self.messages[event.id] |= {"expiresAt": text(fact.happened_at), "_expires": fact.happened_at}
            case messaging.MessageSubscribed() as event:
                where = (event.partition, event.process_instance_id)
                row = self._waiting(fact, event, *where) | {"correlationKey": event.correlation_key}
                self.message_subscriptions[event.id] = row
            case messaging.MessageUnsubscribed() as event:
                del self.message_subscriptions[event.id]

    def _signal(self, fact: Recorded, partition: str = "", number: int = 0) -> None:
        match fact.event:
            case bpmn.SignalSubscribed() as event:
                self.signal_subscriptions[event.id] = self._waiting(fact, event, partition, number)
            case bpmn.SignalUnsubscribed() as event:
                del self.signal_subscriptions[event.id]
            case messaging.SignalSent() as event:
                for id_ in event.subscriptions:
                    del self.signal_subscriptions[id_]

    def _waiting(self, fact: Recorded, event: Any, partition: str, number: int) -> Row:
        return self._new(
            fact,
            partition,
            id=event.id,
            elementId=event.element_id,
            elementInstanceId=event.element_instance_id,
            processId=event.process_id,
            processInstanceId=number,
            bpmnElementId=event.element,
            name=event.name,
            _by_id=True,
        )


def definition(given: EventDefinition | None) -> Row | None:
    """Return what an event waits for or throws, without what is not said."""
    if given is None:
        return None
    said = {
        "errorCode": given.error_code,
        "escalationCode": given.escalation_code,
        "messageName": given.message_name,
        "signalName": given.signal_name,
        "timer": given.timer and timer(given.timer),
    }
    return {"suspended": False, **{member: value for member, value in said.items() if value}}


def timer(given: Timer) -> Row:
    said = {"time": text(given.time) if given.time else "", "timeCycle": given.cycle}
    return {**{member: value for member, value in said.items() if value}, "timeDuration": given.duration or None}


def serialized(event: bpmn.TaskCreated) -> str:
    """Return the JSON text of what a task has to know, or nothing."""
    said = {
        "MessageId": event.message_id,
        "SignalId": event.signal_id,
        "Timer": event.timer and timer(event.timer),
        "BpmnProcessId": event.bpmn_process_id if event.type == "DEQUEUE_PROCESS_INSTANCE" else "",
    }
    known = {member: value for member, value in said.items() if value}
    return json.dumps(known, separators=(",", ":")) if known else ""


#: Members that clients always find, even when they are zero.
ALWAYS = {"retryCount", "encrypted", "correlated"}


def shown(row: Row) -> Row:
    """Leave out what clients do not see: our own members, and what is empty."""
    return {
        member: value
        for member, value in row.items()
        if member != "tenant" and not member.startswith("_") and (value or member in ALWAYS)
    }


def due_at(rows: Iterable[Row], now: datetime) -> list[Row]:
    """Return jobs or tasks as they are called at a time: one that waits is due once its time has come."""
    return [{**row, "state": "DUE"} if row["state"] == "CREATED" and row["_due"] <= now else row for row in rows]


def day(partition: str) -> date:
    return date.fromisoformat(partition)
