"""The JSON that clients get: members, omissions, nulls, times and escapes (contracts/engine.md 1.1 and 1.5)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from api.answers import json_answer, json_bytes
from api.engine.bodies import LockedJobs, Results
from api.engine.rows import (
    job_row,
    message_row,
    process_instance_row,
    process_row,
    signal_row,
    task_row,
    user_task_row,
)
from commands.jobs import JobAnswer
from commands.messages import MessageAnswer
from commands.signals import SignalAnswer
from commands.tasks import TaskAnswer
from commands.user_tasks import UserTaskAnswer
from domain.bpmn import graph
from domain.bpmn.events import InstanceState, JobType, TaskType, WorkState
from domain.bpmn.graph import Participant
from domain.bpmn.instance import Instance, Job, Task, UserTask
from domain.processes.process import DeployedVersion
from domain.timestamps import rfc3339
from projections.views import Data, ElementVariable, EventDefinition, Timer

DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, 15, 10, 710_000, tzinfo=UTC)
INSTANCE = Instance(DAY, 1, "default", 7, "order", "1.0", created_at=NOW, created_by="w", started_at=NOW)
JOB = Job(3, JobType.EXECUTE, 4, "pay", 5, due_at=NOW, created_at=NOW, created_by="w")
TASK = Task(8, TaskType.JOIN_PARALLEL_GATEWAY, due_at=NOW, created_at=NOW, created_by="w", process_id=7)


@pytest.mark.parametrize(
    ("microsecond", "fraction"),
    [(0, ""), (999, ""), (1_000, ".001"), (10_000, ".01"), (710_000, ".71"), (999_999, ".999"), (120_000, ".12")],
)
def test_a_time_has_milliseconds_without_trailing_zeros(microsecond: int, fraction: str) -> None:
    assert rfc3339(NOW.replace(microsecond=microsecond)) == f"2026-11-23T09:15:10{fraction}Z"


def test_a_time_of_the_first_centuries_has_a_year_of_four_digits() -> None:
    assert rfc3339(datetime(33, 4, 3, tzinfo=UTC)) == "0033-04-03T00:00:00Z"


def test_a_job_that_nobody_holds_has_no_member_about_it() -> None:
    assert json_bytes(job_row(JobAnswer(INSTANCE, JOB, WorkState.CREATED))) == (
        b'{"partition":"2026-11-23","id":3,"elementId":4,"elementInstanceId":5,"processId":7,"processInstanceId":1,'
        b'"bpmnElementId":"pay","createdAt":"2026-11-23T09:15:10.71Z","createdBy":"w","dueAt":"2026-11-23T09:15:10.71Z",'
        b'"retryCount":0,"state":"CREATED","type":"EXECUTE"}\n'
    )


def test_a_failed_job_tells_all_that_there_is_to_tell() -> None:
    job = Job(
        3,
        JobType.EVALUATE_EXCLUSIVE_GATEWAY,
        4,
        "decide",
        5,
        due_at=NOW,
        created_at=NOW,
        created_by="w",
        correlation_key="k",
        retry_count=2,
        locked_at=NOW + timedelta(seconds=1),
        locked_by="w2",
    )
    answer = JobAnswer(INSTANCE, job, WorkState.CAUSED_INCIDENT, "boom", NOW + timedelta(seconds=2))
    assert json_bytes(job_row(answer)) == (
        b'{"partition":"2026-11-23","id":3,"elementId":4,"elementInstanceId":5,"processId":7,"processInstanceId":1,'
        b'"bpmnElementId":"decide","completedAt":"2026-11-23T09:15:12.71Z","correlationKey":"k",'
        b'"createdAt":"2026-11-23T09:15:10.71Z","createdBy":"w","dueAt":"2026-11-23T09:15:10.71Z","error":"boom",'
        b'"lockedAt":"2026-11-23T09:15:11.71Z","lockedBy":"w2","retryCount":2,"state":"CAUSED_INCIDENT",'
        b'"type":"EVALUATE_EXCLUSIVE_GATEWAY"}\n'
    )


def test_a_task_that_stands_at_no_element_names_none() -> None:
    assert json_bytes(task_row(TaskAnswer(DAY, TASK, WorkState.DONE, 1, completed_at=NOW))) == (
        b'{"partition":"2026-11-23","id":8,"processId":7,"processInstanceId":1,"completedAt":"2026-11-23T09:15:10.71Z",'
        b'"createdAt":"2026-11-23T09:15:10.71Z","createdBy":"w","dueAt":"2026-11-23T09:15:10.71Z","retryCount":0,'
        b'"state":"DONE","type":"JOIN_PARALLEL_GATEWAY"}\n'
    )


def test_a_task_tells_what_it_has_to_know_and_no_instance_where_there_is_none() -> None:
    start = Task(9, TaskType.TRIGGER_EVENT, NOW, NOW, "w", process_id=7, timer=graph.Timer(cycle="@hourly"))
    assert json_bytes(task_row(TaskAnswer(DAY, start, WorkState.CREATED))) == (
        b'{"partition":"2026-11-23","id":9,"processId":7,"createdAt":"2026-11-23T09:15:10.71Z","createdBy":"w",'
        b'"dueAt":"2026-11-23T09:15:10.71Z","retryCount":0,'
        b'"serializedTask":"{\\"Timer\\":{\\"timeCycle\\":\\"@hourly\\",\\"timeDuration\\":null}}",'
        b'"state":"CREATED","type":"TRIGGER_EVENT"}\n'
    )


def test_a_queued_instance_has_not_started_and_one_that_was_called_names_who_called_it() -> None:
    queued = Instance(
        DAY, 2, "default", 7, "order", "1.0", NOW, "w", state=InstanceState.QUEUED, parent_id=1, root_id=1
    )
    assert json_bytes(process_instance_row(queued)) == (
        b'{"partition":"2026-11-23","id":2,"parentId":1,"rootId":1,"processId":7,"bpmnProcessId":"order",'
        b'"createdAt":"2026-11-23T09:15:10.71Z","createdBy":"w","state":"QUEUED","version":"1.0"}\n'
    )


def test_a_user_task_tells_its_revision_and_who_changed_it_last() -> None:
    task = UserTask(4, 5, "check", 6, NOW, "starter", correlation_key="k", revision=2, tags={"by": "Kim"})
    answer = UserTaskAnswer(INSTANCE, task, InstanceState.COMPLETED, NOW + timedelta(seconds=1), "portal")
    assert json_bytes(user_task_row(answer)) == (
        b'{"partition":"2026-11-23","id":4,"revision":2,"elementId":5,"elementInstanceId":6,"processId":7,'
        b'"processInstanceId":1,"bpmnElementId":"check","correlationKey":"k","createdAt":"2026-11-23T09:15:10.71Z",'
        b'"createdBy":"starter","state":"COMPLETED","tags":[{"name":"by","value":"Kim"}],'
        b'"updatedAt":"2026-11-23T09:15:11.71Z","updatedBy":"portal"}\n'
    )


def test_a_correlated_message_does_not_say_when_it_expires() -> None:
    sent = MessageAnswer(2**40, "payment", "k", "", NOW, "bank", None, correlated=True)
    assert json_bytes(message_row(sent)) == (
        b'{"id":1099511627776,"correlationKey":"k","createdAt":"2026-11-23T09:15:10.71Z","createdBy":"bank",'
        b'"correlated":true,"name":"payment"}\n'
    )
    kept = sent._replace(unique_key="u", expires_at=NOW, correlated=False)
    assert b'"expiresAt":"2026-11-23T09:15:10.71Z","correlated":false,"name":"payment","uniqueKey":"u"}' in json_bytes(
        message_row(kept)
    )


def test_a_signal_tells_how_many_it_met_even_when_nobody_waited() -> None:
    assert json_bytes(signal_row(SignalAnswer(3, "prices", NOW, "catalogue", 0))) == (
        b'{"id":3,"createdAt":"2026-11-23T09:15:10.71Z","createdBy":"catalogue","name":"prices","subscriberCount":0}\n'
    )


def test_a_process_instance_without_key_tags_or_end_has_no_such_members() -> None:
    assert json_bytes(process_instance_row(INSTANCE)) == (
        b'{"partition":"2026-11-23","id":1,"processId":7,"bpmnProcessId":"order","createdAt":"2026-11-23T09:15:10.71Z",'
        b'"createdBy":"w","startedAt":"2026-11-23T09:15:10.71Z","state":"STARTED","version":"1.0"}\n'
    )


def test_tags_are_listed_by_name_and_one_without_a_value_has_none() -> None:
    tagged = Instance(
        DAY, 1, "default", 7, "order", "1.0", NOW, "w", state=InstanceState.QUEUED, tags={"b": "2", "a": ""}
    )
    assert b'"state":"QUEUED","tags":[{"name":"a"},{"name":"b","value":"2"}],' in json_bytes(
        process_instance_row(tagged)
    )


def test_a_process_tells_its_collaboration_only_where_it_has_one() -> None:
    deployed = DeployedVersion(7, "order", "1.0", b"", NOW, "w", {}, Participant())
    assert json_bytes(process_row(deployed)) == (
        b'{"id":7,"bpmnProcessId":"order","createdAt":"2026-11-23T09:15:10.71Z","createdBy":"w","version":"1.0"}\n'
    )
    partner = DeployedVersion(7, "order", "1.0", b"", NOW, "w", {}, Participant("c", "p", "Shop"))
    assert b'"bpmnCollaborationId":"c","bpmnParticipantId":"p","bpmnParticipantName":"Shop"' in json_bytes(
        process_row(partner)
    )


def test_a_timer_says_null_for_a_duration_that_it_does_not_have() -> None:
    definition = EventDefinition(suspended=False, timer=Timer(time_cycle="@hourly", time_duration=None))
    assert json_bytes(definition) == b'{"suspended":false,"timer":{"timeCycle":"@hourly","timeDuration":null}}\n'


def test_a_variable_says_that_it_is_encrypted_only_when_it_is() -> None:
    variable = ElementVariable(bpmn_element_id="pay", name="v", data=Data(encoding="json", value="{}"))
    assert json_bytes(variable) == b'{"bpmnElementId":"pay","name":"v","data":{"encoding":"json","value":"{}"}}\n'
    secret = Data(encoding="json", encrypted=True, value="{}")
    assert json_bytes(secret) == b'{"encoding":"json","encrypted":true,"value":"{}"}\n'


def test_an_empty_page_has_an_empty_list() -> None:
    assert json_bytes(Results(0, [])) == b'{"count":0,"results":[]}\n'
    assert json_bytes(LockedJobs(0, [])) == b'{"count":0,"jobs":[]}\n'


def test_characters_that_html_or_javascript_would_read_are_escaped() -> None:
    text = "<b>&amp;\u2028\u2029\\u003c é"
    assert json_bytes(text) == b'"\\u003cb\\u003e\\u0026amp;\\u2028\\u2029\\\\u003c \xc3\xa9"\n'


def test_an_answer_says_which_position_of_the_log_it_reflects() -> None:
    assert (b"annals-position", b"42") in json_answer(200, [], 42).headers
    assert [name for name, _ in json_answer(200, []).headers] == [b"content-type", b"content-length"]
