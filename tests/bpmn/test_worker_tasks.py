"""Service, script, send and business rule tasks: work for a worker."""

import pytest

from commands.intents import EntityId, ProcessVariable
from commands.jobs import CompleteJob, JobCompletion
from domain.bpmn.events import WorkState
from domain.bpmn.instance import PROCESS_SCOPE
from domain.rejection import InvalidState
from tests.story import Story, bpmn, text

ONE_TASK = bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e")
TAGS = ["serviceTask", "scriptTask", "sendTask", "businessRuleTask"]


@pytest.mark.parametrize("tag", TAGS)
def test_a_token_waits_for_a_worker_and_goes_on_when_it_is_done(tag: str) -> None:
    story = Story(bpmn(f"s:startEvent work:{tag} e:endEvent", "s>work work>e"))
    story.waits_at("work").completes("work").has_ended()


def test_an_instance_leaves_its_facts_in_the_order_of_its_life() -> None:
    story = Story(bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e")).completes("work")
    assert story.names() == [
        "ProcessInstanceStarted",
        "ElementEntered",
        "ElementPassed",
        "ElementEntered",
        "JobCreated",
        "JobLocked",
        "JobCompleted",
        "ElementCompleted",
        "ElementPassed",
        "ElementCompleted",
        "ProcessInstanceCompleted",
    ]


def test_a_task_without_an_outgoing_flow_ends_its_token() -> None:
    Story(bpmn("s:startEvent work:serviceTask", "s>work")).completes("work").has_ended()


@pytest.mark.parametrize(
    ("completion", "error"),
    [
        (
            JobCompletion(error_code="E", escalation_code="F"),
            "expected error code or escalation code to be set",
        ),
        (
            JobCompletion(error_code="E"),
            "EXECUTION: failed to throw BPMN error: failed to find boundary event for error code E",
        ),
        (
            JobCompletion(escalation_code="F"),
            "EXECUTION: failed to escalate job: failed to find boundary event for escalation code F",
        ),
    ],
)
def test_a_code_that_nobody_catches_is_an_error_of_the_job(completion: JobCompletion, error: str) -> None:
    story = Story(ONE_TASK)
    answer = story.reports("work", completion=completion)
    assert (answer.error, answer.state) == (error, WorkState.CAUSED_INCIDENT)
    story.waits_at("work").resolves().completes("work").has_ended()


def test_a_code_that_nobody_catches_is_tried_again_while_retries_are_left() -> None:
    story = Story(ONE_TASK)
    said = JobCompletion(error_code="E")
    answer = story.reports("work", completion=said, retry_limit=1, retry_timer="PT5M")
    assert answer.state is WorkState.CAUSED_RETRY
    again = story.job_at("work")
    assert (again.retry_count, again.created_by) == (1, "worker")
    assert (again.due_at - again.created_at).total_seconds() == 300
    answer = story.reports("work", completion=said, retry_limit=1)
    assert answer.state is WorkState.CAUSED_INCIDENT


def test_what_a_worker_says_beside_the_point_is_ignored() -> None:
    Story(ONE_TASK).completes("work", decision="nowhere", signal_name="alarm", loop_cardinality=7).has_ended()


def test_variables_of_a_report_are_written_though_the_engine_cannot_go_on_with_it() -> None:
    story = Story(ONE_TASK)
    story.reports(
        "work", completion=JobCompletion(error_code="E"), process_variables=(ProcessVariable("n", text("1")),)
    )
    assert set(story.instance.variables[PROCESS_SCOPE]) == {"n"}


def test_a_job_is_completed_once() -> None:
    story = Story(bpmn("s:startEvent work:serviceTask after:serviceTask", "s>work work>after"))
    target = EntityId(story.identity.partition, story.job_at("work").id)
    story.completes("work")
    with pytest.raises(InvalidState, match="is completed"):
        story.stage.send(CompleteJob(worker_id="worker"), target)
    story.waits_at("after")
