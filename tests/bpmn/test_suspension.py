"""Suspending and resuming an instance (contracts/engine.md 2.4)."""

from domain.bpmn.events import InstanceState
from tests.story import Story, bpmn

TWO_STEPS = bpmn("s:startEvent a:serviceTask b:serviceTask e:endEvent", "s>a a>b b>e")


def state_of(story: Story, element: str) -> InstanceState:
    return next(e.state for e in story.instance.elements.values() if e.element == element)


def test_work_in_hand_may_be_completed_but_nothing_new_begins() -> None:
    story = Story(TWO_STEPS).is_suspended()
    assert story.instance.state is InstanceState.SUSPENDED
    assert (state_of(story, "p"), state_of(story, "a")) == (InstanceState.SUSPENDED, InstanceState.STARTED)
    story.completes("a").waits_at("b")
    assert state_of(story, "b") is InstanceState.SUSPENDED
    assert not story.instance.jobs


def test_resuming_begins_what_was_held_back() -> None:
    story = Story(TWO_STEPS).is_suspended().completes("a").is_resumed()
    assert state_of(story, "p") is InstanceState.STARTED
    story.waits_at("b").completes("b").has_ended()


def test_a_resume_may_end_the_instance() -> None:
    story = Story(bpmn("s:startEvent a:serviceTask e:endEvent", "s>a a>e")).is_suspended().completes("a").waits_at("e")
    story.is_resumed().has_ended()


def test_a_sub_process_whose_last_token_ended_meanwhile_completes_once() -> None:
    story = Story(
        bpmn(
            "s:startEvent sub:subProcess after:serviceTask is:startEvent@sub work:serviceTask@sub",
            "s>sub sub>after is>work",
        )
    )
    story.is_suspended().completes("work").is_resumed().waits_at("after").completes("after").has_ended()
    assert story.names().count("ElementResumed") == 2


def test_a_sub_process_reached_while_suspended_opens_on_resume() -> None:
    story = Story(
        bpmn("s:startEvent a:serviceTask sub:subProcess is:startEvent@sub work:serviceTask@sub", "s>a a>sub is>work")
    )
    story.is_suspended().completes("a").waits_at("sub").is_resumed().waits_at("work").completes("work").has_ended()


def test_tokens_join_while_suspended_and_go_on_when_resumed() -> None:
    story = Story(
        bpmn(
            "s:startEvent f:parallelGateway a:serviceTask b:serviceTask j:parallelGateway last:serviceTask",
            "s>f f>a f>b a>j b>j j>last",
        )
    )
    story.completes("a").completes("b").is_suspended().runs_all_tasks().waits_at("last").is_resumed()
    story.completes("last").has_ended()
