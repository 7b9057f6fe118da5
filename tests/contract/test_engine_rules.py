"""Field rules: which field breaks which, where it points and in which words (contracts/engine.md 1.4 and 1.5)."""

import json
from typing import Any

import msgspec
import pytest

from api.engine.decoding import decode
from api.refusals import InvalidBody
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
    ElementInstanceCriteria,
    MessageCriteria,
    ProcessCriteria,
    ProcessInstanceCriteria,
    UserTaskCriteria,
)

Broken = tuple[str, str, str, str]

REGEX = "must match regex ^[a-zA-Z0-9_-]+$"
VARIABLE = {"name": "v", "data": {"encoding": "e", "value": "1"}}


def required(pointer: str) -> Broken:
    return (pointer, "required", "is required", "")


def broken(body: Any, kind: type[msgspec.Struct]) -> list[Broken]:
    """Return what is told of the rules that a body breaks: pointer, type, detail, value."""
    try:
        decode(json.dumps(body).encode(), kind)
    except InvalidBody as refusal:
        return [(cause.pointer, cause.type, cause.detail, cause.value) for cause in refusal.causes]
    return []


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (CreateProcess, ["bpmnProcessId", "bpmnXml", "version", "workerId"]),
        (StartProcessInstance, ["bpmnProcessId", "version", "workerId"]),
        (SuspendProcessInstance, ["workerId"]),
        (ResumeProcessInstance, ["workerId"]),
        (CancelProcessInstance, ["workerId"]),
        (SendMessage, ["correlationKey", "name", "workerId"]),
        (SendSignal, ["name", "workerId"]),
        (SetProcessVariables, ["workerId"]),
        (SetElementVariables, ["workerId"]),
        (CompleteJob, ["workerId"]),
        (UnlockJobs, ["workerId"]),
        (UnlockTasks, ["engineId"]),
        (ResolveIncident, ["workerId"]),
        (SetTime, []),
        (ProcessCriteria, []),
        (UserTaskCriteria, []),
        (MessageCriteria, []),
    ],
)
def test_an_empty_body_lacks_what_is_required(kind: type[msgspec.Struct], fields: list[str]) -> None:
    assert broken({}, kind) == [required(f"#/{field}") for field in fields]
    assert broken(dict.fromkeys(fields, ""), kind) == [required(f"#/{field}") for field in fields]
    assert broken(dict.fromkeys(fields, "x"), kind) == []


@pytest.mark.parametrize(("kind", "most"), [(LockJobs, 1000), (ExecuteTasks, 100)])
def test_a_limit_lies_between_one_and_its_maximum(kind: type[msgspec.Struct], most: int) -> None:
    worker = {"workerId": "w"} if kind is LockJobs else {}
    for limit, value in ((None, "0"), (0, "0"), (-7, "-7")):
        detail = "must be greater than or equal to 1"
        assert broken({"limit": limit, **worker}, kind) == [("#/limit", "gte", detail, value)]
    detail = f"must be less than or equal to {most}"
    assert broken({"limit": most + 1, **worker}, kind) == [("#/limit", "lte", detail, str(most + 1))]
    assert broken({"limit": most, **worker}, kind) == []


def test_broken_rules_are_told_under_the_contract_s_words() -> None:
    with pytest.raises(InvalidBody) as caught:
        decode(b"{}", LockJobs)
    assert (caught.value.title, caught.value.detail) == ("invalid request body", "failed to validate request body")


def test_an_update_of_a_user_task_names_a_revision() -> None:
    assert broken({}, UpdateUserTask) == [required("#/revision"), required("#/workerId")]
    assert broken({"revision": 0, "workerId": "w"}, UpdateUserTask) == [required("#/revision")]
    negative = ("#/revision", "gte", "must be greater than or equal to 1", "-1")
    assert broken({"revision": -1, "workerId": "w"}, UpdateUserTask) == [negative]
    assert broken({"revision": 1, "workerId": "w"}, UpdateUserTask) == []


def test_a_worker_waits_for_jobs_for_a_minute_at_most() -> None:
    locking = {"limit": 1, "workerId": "w"}
    for milliseconds, rule, words in (
        (-1, "gte", "greater than or equal to 0"),
        (60_001, "lte", "less than or equal to 60000"),
    ):
        told = [("#/requestTimeout", rule, f"must be {words}", str(milliseconds))]
        assert broken({**locking, "requestTimeout": milliseconds}, LockJobs) == told
    assert broken({**locking, "requestTimeout": 60_000, "lockTimeout": "PT30S"}, LockJobs) == []
    assert broken({**locking, "lockTimeout": "30s"}, LockJobs) == [
        ("#/lockTimeout", "iso8601_duration", "is invalid", "30s")
    ]


def test_a_number_of_a_message_has_sixty_four_bits() -> None:
    greatest = 9_223_372_036_854_775_807
    assert decode(json.dumps({"id": greatest}).encode(), MessageCriteria).id == greatest
    with pytest.raises(InvalidBody, match="JSON field id has an invalid value"):
        decode(json.dumps({"id": greatest + 1}).encode(), MessageCriteria)


def test_numbers_that_count_something_are_not_negative() -> None:
    detail = "must be greater than or equal to 0"
    assert broken({"workerId": "w", "retryLimit": -1}, CompleteJob) == [("#/retryLimit", "gte", detail, "-1")]
    process = {"bpmnProcessId": "p", "bpmnXml": "x", "version": "1", "workerId": "w"}
    assert broken({**process, "parallelism": -1}, CreateProcess) == [("#/parallelism", "gte", detail, "-1")]


def test_a_list_has_at_most_so_many_items_and_is_then_not_looked_into() -> None:
    tags = [{"name": ""}] * 101
    shown = "[" + " ".join(["{ }"] * 101) + "]"
    assert broken({"tags": tags}, ProcessCriteria) == [("#/tags", "max", "exceeds a maximum of 100", shown)]
    numbers = list(range(101))
    locking = {"limit": 1, "workerId": "w", "processIds": numbers}
    shown = f"[{' '.join(map(str, numbers))}]"
    assert broken(locking, LockJobs) == [("#/processIds", "max", "exceeds a maximum of 100", shown)]
    variables = [VARIABLE] * 101
    assert [cause[:2] for cause in broken({"workerId": "w", "variables": variables}, SetProcessVariables)] == [
        ("#/variables", "max")
    ]


def test_what_is_too_long_is_shown_as_the_reference_prints_it() -> None:
    variables = [{"name": "v"}, {"name": "w", "data": {"encoding": "e", "encrypted": True, "value": "1"}}] * 51
    shown = broken({"workerId": "w", "variables": variables}, SetProcessVariables)[0][3]
    assert shown.startswith("[{v <nil>} {w {e true 1}} {v <nil>}")


def test_items_of_a_list_of_ids_or_states_are_unique() -> None:
    locking = {"limit": 1, "workerId": "w", "processIds": [1, 2, 1]}
    assert broken(locking, LockJobs) == [("#/processIds", "unique", "must be unique", "[1 2 1]")]
    states = {"states": ["STARTED", "QUEUED", "STARTED"]}
    shown = "[STARTED QUEUED STARTED]"
    assert broken(states, ElementInstanceCriteria) == [("#/states", "unique", "must be unique", shown)]
    assert broken({"states": ["STARTED"] * 8}, ElementInstanceCriteria)[0][:3] == (
        "#/states",
        "max",
        "exceeds a maximum of 7",
    )


@pytest.mark.parametrize("name", ["a b", "ä", "a.b", "a\n", "<x>"])
def test_names_of_tags_and_variables_are_plain_words(name: str) -> None:
    assert broken({"tags": [{"name": "ok"}, {"name": name}]}, ProcessInstanceCriteria) == [
        ("#/tags/1/name", "tag_name", REGEX, name)
    ]
    body = {"workerId": "w", "variables": [{**VARIABLE, "name": name}]}
    assert broken({**body, "name": "m", "correlationKey": "k"}, SendMessage) == [
        ("#/variables/0/name", "variable_name", REGEX, name)
    ]
    for kind in (SetProcessVariables, SetElementVariables):
        assert broken(body, kind) == [("#/variables/0/name", "variable_name", REGEX, name)]


def test_a_variable_has_an_encoding_and_a_value_that_is_not_empty() -> None:
    body = {
        "workerId": "w",
        "processVariables": [{"name": "v", "data": {}}],
        "elementVariables": [{"data": {"value": ""}}],
    }
    assert broken(body, CompleteJob) == [
        required("#/elementVariables/0/name"),
        required("#/elementVariables/0/data/encoding"),
        required("#/elementVariables/0/data/value"),
        required("#/processVariables/0/data/encoding"),
        required("#/processVariables/0/data/value"),
    ]


@pytest.mark.parametrize("text", ["P", "PT", "P1H", "PT1.5S", "-PT1S", "1h", "P1D T1S", "PT1S\n"])
def test_a_duration_is_written_as_iso_8601(text: str) -> None:
    invalid = [("#/retryTimer", "iso8601_duration", "is invalid", text)]
    assert broken({"workerId": "w", "retryTimer": text}, CompleteJob) == invalid
    assert broken({"workerId": "w", "retryTimer": text}, ResolveIncident) == invalid
    assert broken({"workerId": "w", "retryTimer": "P1Y2M3W4DT5H6M7S"}, ResolveIncident) == []


def test_a_cycle_is_a_cron_expression_or_a_repeating_interval() -> None:
    completing = {"workerId": "w", "completion": {"timer": {"timeCycle": "*", "timeDuration": "x"}}}
    assert broken(completing, CompleteJob) == [
        ("#/completion/timer/timeCycle", "cron", "is invalid", "*"),
        ("#/completion/timer/timeDuration", "iso8601_duration", "is invalid", "x"),
    ]
    sending = {"name": "m", "correlationKey": "k", "workerId": "w"}
    for timer in (
        *({"timeCycle": cycle} for cycle in ("0 0 * * * *", "@daily", "R/PT1H")),
        {},
        {"timeDuration": ""},
    ):
        assert broken({**sending, "expirationTimer": timer}, SendMessage) == []
    for cycle in ("R3/PT1H", "R/PT0S", "R/", "R/2026-11-20T09:00:00Z/PT1H"):
        assert broken({"timeCycle": cycle}, SetTime) == [("#/timeCycle", "cron", "is invalid", cycle)]
    assert broken({**sending, "expirationTimer": {"timeDuration": "1d"}}, SendMessage) == [
        ("#/expirationTimer/timeDuration", "iso8601_duration", "is invalid", "1d")
    ]
    assert broken({"timeCycle": "61 * * * *"}, SetTime) == [("#/timeCycle", "cron", "is invalid", "61 * * * *")]
    assert broken({"timeCycle": "@hourly"}, SetTime) == []


def test_a_called_process_is_looked_into_as_far_as_it_goes() -> None:
    body = {"workerId": "w", "completion": {"calledProcess": {"tags": [{"name": "ok"}, {"value": "x"}]}}}
    assert broken(body, CompleteJob) == [required("#/completion/calledProcess/tags/1/name")]


def test_what_a_multi_instance_runs_for_is_looked_into() -> None:
    body = {
        "workerId": "w",
        "completion": {"loopCardinality": -1, "loopItems": [{"encoding": "json", "value": "1"}, {}]},
    }
    assert broken(body, CompleteJob) == [
        ("#/completion/loopCardinality", "gte", "must be greater than or equal to 0", "-1"),
        required("#/completion/loopItems/1/encoding"),
        required("#/completion/loopItems/1/value"),
    ]


def test_event_definitions_name_their_element_and_timers_say_when() -> None:
    process = {"bpmnProcessId": "p", "bpmnXml": "x", "version": "1", "workerId": "w"}
    definitions = {
        "errors": [{"errorCode": "E"}],
        "escalations": [{"escalationCode": "E"}],
        "messages": [{"bpmnElementId": "m"}],
        "signals": [{"signalName": "s"}],
        "timers": [{"bpmnElementId": "t"}, {"bpmnElementId": "t", "timer": {}}, {"timer": {"timeDuration": "PT1S"}}],
    }
    when = "must specify a time, time cycle or time duration"
    assert broken({**process, **definitions}, CreateProcess) == [
        required("#/errors/0/bpmnElementId"),
        required("#/escalations/0/bpmnElementId"),
        required("#/messages/0/messageName"),
        required("#/signals/0/bpmnElementId"),
        required("#/timers/0/timer"),
        ("#/timers/1/timer", "timer", when, ""),
        required("#/timers/2/bpmnElementId"),
    ]
