"""Our structs, rules and routes against the machine-readable contract, where it lies beside the checkout."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import msgspec
import pytest

from api.engine.bodies import ElementVariables, ExecutedTasks, LockedJobs, ProcessVariables, Signal, Times, Unlocked
from api.engine.operations import Operation
from api.engine.routes import CONTROLLERS
from api.engine.rules import RULES
from api.problems import Error, Problem
from commands import (
    engine_time,
    incidents,
    instances,
    intents,
    job_locks,
    jobs,
    messages,
    processes,
    signals,
    tasks,
    user_tasks,
    variables,
)
from domain.bpmn.events import InstanceState, JobType, TaskType, WorkState
from domain.bpmn.graph import ElementType
from projections import criteria, views
from tests.contract.engine_contract import OUR_MEMBERS, OUR_WORDS, OURS, THEIRS, contract

REQUESTS: Mapping[str, type[msgspec.Struct]] = {
    "CreateProcessCmd": processes.CreateProcess,
    "ErrorDefinition": processes.ErrorDefinition,
    "EscalationDefinition": processes.EscalationDefinition,
    "MessageDefinition": processes.MessageDefinition,
    "SignalDefinition": processes.SignalDefinition,
    "TimerDefinition": processes.TimerDefinition,
    "CreateProcessInstanceCmd": instances.StartProcessInstance,
    "SuspendProcessInstanceCmd": instances.SuspendProcessInstance,
    "ResumeProcessInstanceCmd": instances.ResumeProcessInstance,
    "SetProcessVariablesCmd": variables.SetProcessVariables,
    "SetElementVariablesCmd": variables.SetElementVariables,
    "LockJobsCmd": job_locks.LockJobs,
    "UnlockJobsCmd": job_locks.UnlockJobs,
    "CompleteJobCmd": jobs.CompleteJob,
    "JobCompletion": jobs.JobCompletion,
    "CalledProcess": jobs.CalledProcess,
    "ExecuteTasksCmd": tasks.ExecuteTasks,
    "UnlockTasksCmd": tasks.UnlockTasks,
    "ResolveIncidentCmd": incidents.ResolveIncident,
    "SendMessageCmd": messages.SendMessage,
    "SendSignalCmd": signals.SendSignal,
    "UpdateUserTaskCmd": user_tasks.UpdateUserTask,
    "SetTimeCmd": engine_time.SetTime,
    "Tag": intents.Tag,
    "Data": intents.Data,
    "ProcessVariable": intents.ProcessVariable,
    "ElementVariable": intents.ElementVariable,
    "Timer": intents.Timer,
    "ProcessCriteria": criteria.ProcessCriteria,
    "ElementCriteria": criteria.ElementCriteria,
    "ProcessInstanceCriteria": criteria.ProcessInstanceCriteria,
    "ElementInstanceCriteria": criteria.ElementInstanceCriteria,
    "JobCriteria": criteria.JobCriteria,
    "TaskCriteria": criteria.TaskCriteria,
    "UserTaskCriteria": criteria.UserTaskCriteria,
    "MessageCriteria": criteria.MessageCriteria,
    "MessageSubscriptionCriteria": criteria.MessageSubscriptionCriteria,
    "SignalSubscriptionCriteria": criteria.SignalSubscriptionCriteria,
    "IncidentCriteria": criteria.IncidentCriteria,
    "VariableCriteria": criteria.VariableCriteria,
}
RESPONSES: Mapping[str, type[msgspec.Struct]] = {
    "Process": views.Process,
    "Element": views.Element,
    "EventDefinition": views.EventDefinition,
    "Timer": views.Timer,
    "Tag": views.Tag,
    "ProcessInstance": views.ProcessInstance,
    "ElementInstance": views.ElementInstance,
    "Job": views.Job,
    "Task": views.Task,
    "Incident": views.Incident,
    "Variable": views.Variable,
    "Data": views.Data,
    "UserTask": views.UserTask,
    "Message": views.Message,
    "MessageSubscription": views.MessageSubscription,
    "Signal": Signal,
    "SignalSubscription": views.SignalSubscription,
    "LockJobsRes": LockedJobs,
    "CountRes": Unlocked,
    "ExecuteTasksRes": ExecutedTasks,
    "GetProcessVariablesRes": ProcessVariables,
    "GetElementVariablesRes": ElementVariables,
    "SetTimeRes": Times,
    "Problem": Problem,
    "Error": Error,
}
#: Kinds in the contract and the types that our annotations come down to.
KINDS = {"integer": int, "string": str, "boolean": bool}
ENUMS = {
    "ElementType": ElementType,
    "InstanceState": InstanceState,
    "JobType": JobType,
    "TaskType": TaskType,
    "UserTaskState": views.UserTaskState,
    "WorkState": WorkState,
}


def fields_of(schema: str) -> Mapping[str, Mapping[str, Any]]:
    return {field["name"]: field for field in contract()["schemas"][schema]["fields"]}


def members_of(struct: type[msgspec.Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_has_exactly_the_contract_s_members(name: str) -> None:
    assert set(members_of(REQUESTS[name])) - OUR_MEMBERS.get(name, set()) == set(fields_of(name))


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_has_exactly_the_contract_s_members_in_its_order(name: str) -> None:
    assert list(members_of(RESPONSES[name])) == list(fields_of(name))


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_leaves_out_what_the_contract_leaves_out(name: str) -> None:
    left_out = {field for field, told in fields_of(name).items() if told["omitted_when"] != "never"}
    optional = {field for field, member in members_of(RESPONSES[name]).items() if not member.required}
    assert optional == left_out
    assert not optional or RESPONSES[name].__struct_config__.omit_defaults


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_s_members_are_of_the_contract_s_kinds(name: str) -> None:
    members = members_of(REQUESTS[name])
    for field, told in fields_of(name).items():
        kinds = set(kinds_in(members[field].type))
        if "ref" not in told and told["type"] in KINDS and told.get("format") not in {"date", "date-time"}:
            assert KINDS[told["type"]] in kinds, field
        assert (tuple in kinds) == (told.get("type") == "array"), field


def kinds_in(annotation: Any) -> Iterator[Any]:
    yield getattr(annotation, "__origin__", annotation)
    for argument in get_args(annotation):
        yield from kinds_in(argument)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_s_rules_are_the_contract_s(name: str) -> None:
    rules = {
        field.name: {rule.type for rule in field.rules if "maxLength" not in rule.schema}  # lengths of texts are ours
        for field in RULES.get(REQUESTS[name], ())
    }
    for field, told in fields_of(name).items():
        expected = set(rules_in(told)) | ALSO.get((name, field), set())
        assert rules.get(field, set()) == expected, field


#: A revision of 0 is a missing one, which a limit of 0 is not (contracts/engine.md 1.4 and 2.17).
ALSO = {("UpdateUserTaskCmd", "revision"): {"required"}}


def rules_in(told: Mapping[str, Any]) -> Iterator[str]:
    constraints = told.get("constraints", {})
    words = {"minimum": "gte", "maximum": "lte", "maxItems": "max", "uniqueItems": "unique"}
    yield from (words[word] for word in constraints if word in words)
    yield from (constraints[word] for word in ("rule",) if word in constraints)
    if told.get("required") and "minimum" not in constraints:
        yield "required"


@pytest.mark.parametrize("name", ENUMS)
def test_words_are_the_contract_s(name: str) -> None:
    assert set(contract()["enums"][name]) | OUR_WORDS.get(name, set()) == {str(word) for word in ENUMS[name]}


OPERATIONS: Mapping[str, tuple[str, Operation]] = {
    str(operation.operation_id): (
        re.sub(r":\w+", "", (controller.path.rstrip("/") + next(iter(operation.paths))).rstrip("/")),
        operation,
    )
    for controller in CONTROLLERS
    for operation in vars(controller).values()
    if isinstance(operation, Operation)
}


def test_the_contract_has_the_operations_that_we_serve() -> None:
    assert {operation["id"] for operation in contract()["operations"]} == THEIRS
    assert len(THEIRS) == 32
    assert set(OPERATIONS) == THEIRS | set(OURS)


def test_every_operation_is_served_where_the_contract_says_with_its_status() -> None:
    told = {
        operation["id"]: (operation["method"], operation["path"], operation["response"]["status"])
        for operation in contract()["operations"]
    }
    assert {
        name: (next(iter(operation.http_methods)), path, operation.about.status)
        for name, (path, operation) in OPERATIONS.items()
    } == told | OURS


def test_every_operation_answers_with_the_contract_s_type() -> None:
    for operation in contract()["operations"]:
        _, served = OPERATIONS[operation["id"]]
        assert operation["response"]["content_type"] in {served.about.media_type, None}, operation["id"]


def test_every_problem_of_the_contract_is_documented_for_its_operation() -> None:
    for operation in contract()["operations"]:
        _, served = OPERATIONS[operation["id"]]
        statuses = {problem["status"] for problem in operation["problems"]} - {400, 403, 415, 503}
        assert statuses <= set(served.about.refuses), operation["id"]
