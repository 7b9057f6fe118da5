"""A request for each body that the engine's operations take, as readers of the OpenAPI document see it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from commands.engine_time import SetTime
from commands.incidents import ResolveIncident
from commands.instances import ResumeProcessInstance, StartProcessInstance, SuspendProcessInstance
from commands.jobs import CompleteJob, LockJobs, UnlockJobs
from commands.processes import CreateProcess
from commands.tasks import ExecuteTasks, UnlockTasks
from commands.variables import SetElementVariables, SetProcessVariables
from projections.criteria import (
    ElementCriteria,
    ElementInstanceCriteria,
    IncidentCriteria,
    JobCriteria,
    ProcessCriteria,
    ProcessInstanceCriteria,
    TaskCriteria,
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
    SuspendProcessInstance: {"workerId": "on-call"},
    ResumeProcessInstance: {"workerId": "on-call"},
    SetProcessVariables: {"variables": [AMOUNT, {"name": "draft"}], "workerId": "booking"},
    SetElementVariables: {"variables": [{"bpmnElementId": "book", **AMOUNT}], "workerId": "booking"},
    LockJobs: {"limit": 10, "processIds": [1], "workerId": "booking"},
    CompleteJob: {"processVariables": [AMOUNT], "workerId": "booking"},
    UnlockJobs: {"workerId": "booking"},
    ExecuteTasks: {"limit": 10, "type": "JOIN_PARALLEL_GATEWAY"},
    UnlockTasks: {"engineId": "default-engine"},
    ResolveIncident: {"retryTimer": "PT5M", "workerId": "on-call"},
    SetTime: {"timeDuration": "P1D"},
    ProcessCriteria: {"tags": [{"name": "region", "value": "north"}]},
    ElementCriteria: {"processId": 1},
    ProcessInstanceCriteria: {"processId": 1},
    ElementInstanceCriteria: {**INSTANCE, "states": ["STARTED"]},
    JobCriteria: INSTANCE,
    TaskCriteria: {"type": "JOIN_PARALLEL_GATEWAY"},
    IncidentCriteria: INSTANCE,
    VariableCriteria: {**INSTANCE, "names": ["amount"]},
}
