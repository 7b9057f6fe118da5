"""A request for each body that the engine's operations take, as readers of the OpenAPI document see it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from commands.batches import CompleteJobs, StartProcessInstances
from commands.engine_time import SetTime
from commands.incidents import ResolveIncident
from commands.instances import (
    CancelProcessInstance,
    ResumeProcessInstance,
    StartProcessInstance,
    SuspendProcessInstance,
)
from commands.job_locks import LockJobs, UnlockJobs
from commands.jobs import CompleteJob
from commands.messages import SendMessage
from commands.processes import CreateProcess
from commands.signals import SendSignal
from commands.tasks import ExecuteTasks, UnlockTasks
from commands.user_tasks import UpdateUserTask
from commands.variables import SetElementVariables, SetProcessVariables
from projections.criteria import (
    ElementCriteria,
    ElementInstanceCriteria,
    IncidentCriteria,
    JobCriteria,
    MessageCriteria,
    MessageSubscriptionCriteria,
    ProcessCriteria,
    ProcessInstanceCriteria,
    SignalSubscriptionCriteria,
    TaskCriteria,
    UserTaskCriteria,
    VariableCriteria,
)

MODEL = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"><process id="invoice" isExecutable="true">'
    '<startEvent id="received"/><sequenceFlow id="f1" sourceRef="received" targetRef="book"/>'
    '<serviceTask id="book" name="Book the invoice"/><sequenceFlow id="f2" sourceRef="book" targetRef="booked"/>'
    '<endEvent id="booked"/></process></definitions>'
)
AMOUNT = {"name": "amount", "data": {"encoding": "json", "value": "129.5"}}
INSTANCE = {"partition": "2026-11-23", "processInstanceId": 1}

EXAMPLES: Mapping[type[msgspec.Struct], Mapping[str, Any]] = {
    CreateProcess: {"bpmnProcessId": "invoice", "version": "1", "bpmnXml": MODEL, "workerId": "deployer"},
    StartProcessInstance: {
        "bpmnProcessId": "invoice",
        "version": "1",
        "correlationKey": "2026-0815",
        "tags": [{"name": "region", "value": "north"}],
        "variables": [AMOUNT],
        "workerId": "mailroom",
    },
    StartProcessInstances: {
        "items": [{"bpmnProcessId": "invoice", "version": "1", "variables": [AMOUNT], "workerId": "importer"}]
    },
    SuspendProcessInstance: {"workerId": "on-call"},
    ResumeProcessInstance: {"workerId": "on-call"},
    CancelProcessInstance: {"workerId": "on-call"},
    SetProcessVariables: {"variables": [AMOUNT, {"name": "draft"}], "workerId": "booking"},
    SetElementVariables: {"variables": [{"bpmnElementId": "book", **AMOUNT}], "workerId": "booking"},
    LockJobs: {
        "limit": 10,
        "processIds": [1],
        "lockTimeout": "PT5M",
        "requestTimeout": 1000,
        "workerId": "booking",
    },
    CompleteJob: {"processVariables": [AMOUNT], "workerId": "booking"},
    CompleteJobs: {
        "items": [
            {"partition": "2026-11-23", "id": 1, "processVariables": [AMOUNT], "workerId": "booking"},
            {"partition": "2026-11-23", "id": 2, "error": "no such customer", "workerId": "booking"},
        ]
    },
    UnlockJobs: {"workerId": "booking"},
    ExecuteTasks: {"limit": 10, "type": "JOIN_PARALLEL_GATEWAY"},
    UnlockTasks: {"engineId": "default-engine"},
    ResolveIncident: {"retryTimer": "PT5M", "workerId": "on-call"},
    SendMessage: {
        "name": "payment received",
        "correlationKey": "2026-0815",
        "expirationTimer": {"timeDuration": "P1D"},
        "uniqueKey": "transfer 77",
        "variables": [AMOUNT],
        "workerId": "bank",
    },
    SendSignal: {"name": "prices changed", "variables": [AMOUNT], "workerId": "catalogue"},
    UpdateUserTask: {
        "revision": 1,
        "completed": True,
        "processVariables": [AMOUNT],
        "tags": [{"name": "approvedBy", "value": "Kim"}],
        "workerId": "portal",
    },
    SetTime: {"timeDuration": "P1D"},
    ProcessCriteria: {"tags": [{"name": "region", "value": "north"}]},
    ElementCriteria: {"processId": 1},
    ProcessInstanceCriteria: {"processId": 1},
    ElementInstanceCriteria: {**INSTANCE, "states": ["STARTED"]},
    JobCriteria: INSTANCE,
    TaskCriteria: {"type": "JOIN_PARALLEL_GATEWAY"},
    IncidentCriteria: INSTANCE,
    MessageCriteria: {"name": "payment received", "excludeExpired": True},
    MessageSubscriptionCriteria: {"name": "payment received", "correlationKey": "2026-0815"},
    SignalSubscriptionCriteria: {"name": "prices changed"},
    UserTaskCriteria: {**INSTANCE, "tags": [{"name": "team", "value": "claims"}]},
    VariableCriteria: {**INSTANCE, "names": ["amount"]},
}
