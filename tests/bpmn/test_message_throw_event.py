"""Message throw event: a worker sends the message, by a job (contracts/engine.md 2.5, 3.1)."""

import pytest

from domain.bpmn.events import InstanceState, JobType
from domain.bpmn.execution import ExecutionError
from tests.story import Story, bpmn

THROW = bpmn("s:startEvent t:messageThrow~paid e:endEvent", "s>t t>e")


@pytest.mark.parametrize("xml", [THROW, bpmn("s:startEvent t:messageThrow e:endEvent", "s>t t>e")])
def test_a_worker_sends_it_and_the_token_goes_on(xml: str) -> None:
    story = Story(xml)
    assert (story.job_at("t").type, story.state_of("t")) == (JobType.EXECUTE, InstanceState.STARTED)
    story.completes("t").has_ended()
    assert (story.ends_of("t"), story.ends_of("e")) == (["COMPLETED"], ["COMPLETED"])


def test_the_engine_itself_sends_nothing() -> None:
    story = Story(THROW).completes("t")
    assert not [stream for stream in story.stage.log.streams if stream.startswith("channel-")]


def test_an_error_that_nobody_catches_is_an_error_of_the_job() -> None:
    with pytest.raises(ExecutionError, match="failed to find boundary event for error code E"):
        Story(THROW).completes("t", error_code="E")
