"""Suspending and resuming an instance (contracts/engine.md 2.4)."""

from domain.bpmn.events import InstanceState
from tests.bpmn.drawing import boundary, event_sub, fates, line, process, sub
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


def test_what_runs_in_a_scope_that_has_not_started_yet_goes_on_when_resumed() -> None:
    own = event_sub("own", "signal", "go", line("own_start>told:serviceTask>last:serviceTask"), interrupting=False)
    inner = sub("sub", line("is:startEvent>work:serviceTask"), own)
    story = Story(process(line("s:startEvent>sub>after:serviceTask b>c:task"), inner, boundary("b", "sub", "error")))
    story.stage.sends_signal("go")
    story.runs_all_tasks().waits_at("told").is_suspended().completes("told").is_resumed()
    assert state_of(story, "sub") is InstanceState.CREATED
    story.completes("last")
    assert fates(story, "sub") == ["CREATED"]
    story.completes("b").waits_at("work").completes("work").waits_at("after")
    assert fates(story, "own") == ["COMPLETED", "TERMINATED"]


def test_a_scope_that_becomes_known_while_suspended_and_holds_something_already_starts_on_resume() -> None:
    own = event_sub("own", "signal", "go", line("own_start>told:serviceTask"), interrupting=False)
    inner = sub("sub", line("is:startEvent>work:serviceTask"), own)
    story = Story(process(line("s:startEvent>sub b>c:task"), inner, boundary("b", "sub", "error")))
    story.stage.sends_signal("go")
    story.runs_all_tasks().is_suspended().completes("b").waits_at("told").is_resumed().waits_at("told", "work")


def test_an_event_sub_process_that_interrupts_takes_the_place_of_a_scope_that_has_not_started() -> None:
    own = event_sub("own", "signal", "go", line("own_start>told:serviceTask"))
    inner = sub("sub", line("is:startEvent>work:serviceTask"), own)
    story = Story(process(line("s:startEvent>sub>after:serviceTask b>c:task"), inner, boundary("b", "sub", "error")))
    story.stage.sends_signal("go")
    story.runs_all_tasks().waits_at("told")
    assert state_of(story, "sub") is InstanceState.STARTED
    story.completes("b", error_code="E").waits_at("told").completes("told").waits_at("after")
    assert (fates(story, "is"), fates(story, "b")) == ([], ["TERMINATED"])
