"""Service, script, send and business rule tasks: work for a worker."""

import pytest

from domain.bpmn.execution import Completion, ExecutionError
from domain.bpmn.work import WORK
from tests.story import Story, bpmn

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
        (Completion(error_code="E", escalation_code="F"), "expected error code or escalation code to be set"),
        (Completion(error_code="E"), "failed to find boundary event for error code E"),
        (Completion(escalation_code="F"), "failed to find boundary event for escalation code F"),
    ],
)
def test_a_code_that_nobody_catches_is_an_error_of_the_job(completion: Completion, error: str) -> None:
    story = Story(bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e"))
    assert WORK.complete_job is not None
    with pytest.raises(ExecutionError, match=error):
        WORK.complete_job(story._turn(), story.job_at("work"), completion)
