"""Elements that let a token pass at once: none start and end events, abstract and manual tasks."""

from itertools import pairwise

import pytest

from domain.bpmn.execution import STEP_BUDGET
from domain.rejection import ExecutionFailed
from tests.story import Story, bpmn


def test_a_process_of_nothing_to_wait_for_ends_as_it_starts() -> None:
    Story(bpmn("s:startEvent a:task m:manualTask e:endEvent", "s>a a>m m>e")).has_ended()


def test_a_process_that_only_starts_ends_as_it_starts() -> None:
    Story(bpmn("s:startEvent", "")).has_ended()


def test_a_task_with_two_outgoing_flows_sends_a_token_along_each() -> None:
    story = Story(bpmn("s:startEvent a:task x:serviceTask y:serviceTask", "s>a a>x a>y")).waits_at("x", "y")
    story.completes("x").waits_at("y").completes("y").has_ended()


def test_a_thousand_elements_in_a_row_are_one_turn() -> None:
    ids = [f"t{number}" for number in range(1_000)]
    nodes = "s:startEvent " + " ".join(f"{name}:task" for name in ids)
    flows = f"s>{ids[0]} " + " ".join(f"{a}>{b}" for a, b in pairwise(ids))
    Story(bpmn(nodes, flows)).has_ended()


def test_tokens_that_double_again_and_again_end_in_an_error_within_the_step_budget() -> None:
    stages = 20
    nodes, flows = ["s:startEvent"], ["s>f0"]
    for stage in range(stages):
        nodes += [f"f{stage}:parallelGateway", f"m{stage}:exclusiveGateway", f"a{stage}:task", f"b{stage}:task"]
        flows += [f"f{stage}>a{stage}", f"f{stage}>b{stage}", f"a{stage}>m{stage}", f"b{stage}>m{stage}"]
        if stage + 1 < stages:
            flows.append(f"m{stage}>f{stage + 1}")
    with pytest.raises(ExecutionFailed, match=str(STEP_BUDGET)):
        Story(bpmn(" ".join(nodes), " ".join(flows)))
