"""Exclusive gateway: a worker decides, else the default flow."""

import pytest

from commands.jobs import JobCompletion
from domain.bpmn.events import WorkState
from domain.bpmn.execution import ExecutionError
from tests.story import Story, bpmn

FORK = bpmn("s:startEvent g:exclusiveGateway=g_low low:serviceTask high:serviceTask", "s>g g>low g>high")
FORK_WITHOUT_DEFAULT = FORK.replace(' default="g_low"', "")


def test_the_token_takes_the_flow_to_the_decided_element() -> None:
    Story(FORK).waits_at("g").completes("g", decision="high").waits_at("high").completes("high").has_ended()


def test_the_token_takes_the_default_flow_without_a_decision() -> None:
    Story(FORK).completes("g").waits_at("low")


def test_a_worker_who_says_nothing_about_the_decision_takes_the_default_flow() -> None:
    story = Story(FORK)
    assert story.reports("g", completion=JobCompletion()).state is WorkState.DONE
    story.waits_at("low")


def test_a_decision_is_expected_where_there_is_no_default_flow() -> None:
    with pytest.raises(ExecutionError, match="expected an exclusive gateway decision"):
        Story(FORK_WITHOUT_DEFAULT).completes("g")


def test_a_decision_for_an_element_without_a_flow_to_it_is_an_error() -> None:
    with pytest.raises(ExecutionError, match="element g has no outgoing sequence flow to nowhere"):
        Story(FORK).completes("g", decision="nowhere")


def test_joining_lets_each_token_pass_and_a_loop_comes_round_again() -> None:
    story = Story(
        bpmn(
            "s:startEvent j:exclusiveGateway work:serviceTask g:exclusiveGateway e:endEvent",
            "s>j j>work work>g g>j g>e",
        )
    )
    for _ in range(3):
        story.waits_at("work").completes("work").completes("g", decision="j")
    story.completes("work").completes("g", decision="e").has_ended()
