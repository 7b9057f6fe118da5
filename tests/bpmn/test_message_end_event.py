"""Message end event: a worker sends the message, then the token ends (contracts/engine.md 2.5, 3.1)."""

import pytest

from domain.bpmn.events import InstanceState, JobType
from tests.story import Story, bpmn


@pytest.mark.parametrize("end", ["messageEnd~paid", "messageEnd"])
def test_a_worker_sends_it_and_the_token_ends(end: str) -> None:
    story = Story(bpmn(f"s:startEvent e:{end}", "s>e"))
    assert (story.job_at("e").type, story.state_of("e")) == (JobType.EXECUTE, InstanceState.STARTED)
    story.waits_at("e").completes("e").has_ended()


def test_it_ends_its_own_token_and_no_other() -> None:
    story = Story(bpmn("s:startEvent f:parallelGateway a:serviceTask e:messageEnd~paid", "s>f f>a f>e"))
    story.completes("e").waits_at("a").completes("a").has_ended()


def test_an_error_of_the_worker_is_caught_around_its_scope() -> None:
    story = Story(
        bpmn(
            "s:startEvent sub:subProcess i:startEvent@sub e:messageEnd~paid@sub b:errorBoundary^sub~E"
            " after:serviceTask",
            "s>sub i>e b>after",
        )
    )
    story.completes("e", error_code="E").waits_at("after")
    assert (story.ends_of("sub"), story.ends_of("b")) == (["TERMINATED"], ["COMPLETED"])
