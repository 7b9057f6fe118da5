"""Suspending and resuming an instance (contracts/engine.md 2.4)."""

import pytest

from domain.bpmn.events import InstanceState
from domain.rejection import InvalidState
from tests.bpmn.drawing import boundary, event, event_sub, fates, line, process, sub
from tests.story import Stage, Story, bpmn

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


def test_a_scope_that_was_interrupted_before_it_started_does_not_start_on_resume() -> None:
    own = event_sub("own", "signal", "go", line("own_start>told:serviceTask"))
    other = event_sub("other", "message", "m", line("other_start>never:serviceTask"))
    inner = sub("sub", line("is:startEvent>work:serviceTask"), own + other)
    story = Story(process(line("s:startEvent>sub>after:serviceTask"), inner)).is_suspended()
    story.completes("other_start", message_correlation_key="k")
    story.stage.sends_signal("go")
    story.runs_all_tasks().is_resumed().waits_at("told").is_armed_with().completes("told").waits_at("after")
    assert fates(story, "is") == []


def states(story: Story) -> dict[str, str]:
    return {e.element: str(e.state) for e in story.instance.elements.values()}


def test_only_a_started_instance_is_suspended_and_only_a_suspended_one_resumed() -> None:
    story = Story(TWO_STEPS)
    with pytest.raises(InvalidState, match="is not in state SUSPENDED, but STARTED"):
        story.is_resumed()
    with pytest.raises(InvalidState, match="is not in state STARTED, but SUSPENDED"):
        story.is_suspended().is_suspended()
    ended = Story(TWO_STEPS).completes("a").completes("b").has_ended()
    with pytest.raises(InvalidState, match="is not in state STARTED, but COMPLETED"):
        ended.is_suspended()


def test_every_scope_that_has_children_is_suspended_and_nothing_else() -> None:
    story = Story(
        process(
            line("s:startEvent>f:parallelGateway>u>e:endEvent f>a:serviceTask"),
            sub("u", line("us:startEvent>v>ue:endEvent"), sub("v", line("vs:startEvent>b:serviceTask"))),
        )
    )
    suspended = dict.fromkeys(("p", "u", "v"), "SUSPENDED")
    assert states(story.is_suspended()) == {**suspended, "a": "STARTED", "b": "STARTED"}
    assert set(states(story.is_resumed()).values()) == {"STARTED"}


def test_an_armed_boundary_event_stays_usable_and_what_follows_it_is_suspended() -> None:
    story = Story(
        process(
            line("s:startEvent>a:serviceTask>e:endEvent"),
            boundary("b", "a", "signal", "stop"),
            line("b>out:serviceTask"),
        )
    )
    story.is_suspended().is_armed_with("b").stage.sends_signal("stop")
    story.runs_all_tasks().waits_at("out")
    assert story.state_of("out") is InstanceState.SUSPENDED
    story.is_resumed().completes("out").has_ended()


def test_a_boundary_event_that_does_not_interrupt_is_armed_again_while_suspended() -> None:
    story = Story(
        process(
            line("s:startEvent>a:serviceTask>e:endEvent"),
            boundary("b", "a", "signal", "tell", interrupting=False),
            line("b>out:serviceTask"),
        )
    )
    story.is_suspended().stage.sends_signal("tell")
    story.runs_all_tasks().is_armed_with("b").waits_at("a", "out")
    assert story.stage.sends_signal("tell").subscriber_count == 1
    story.runs_all_tasks().waits_at("a", "out", "out").is_resumed().completes("out").completes("out").completes("a")
    story.has_ended()


def test_an_activity_whose_events_become_known_while_suspended_starts_on_resume() -> None:
    story = Story(
        process(line("s:startEvent>a:serviceTask>e:endEvent"), boundary("b", "a", "signal"), line("b>out:task"))
    )
    assert story.state_of("a") is InstanceState.CREATED
    story.is_suspended().completes("b", signal_name="stop")
    assert story.state_of("a") is InstanceState.SUSPENDED
    assert not story.instance.jobs
    story.is_resumed()
    assert story.state_of("a") is InstanceState.STARTED
    story.completes("a").has_ended()


def test_an_activity_whose_events_are_still_unknown_stays_created_over_a_suspension() -> None:
    story = Story(
        process(line("s:startEvent>a:serviceTask>e:endEvent"), boundary("b", "a", "signal"), line("b>out:task"))
    )
    story.is_suspended().is_resumed()
    assert story.state_of("a") is InstanceState.CREATED
    story.completes("b", signal_name="stop").completes("a").has_ended()


def test_an_activity_reached_while_suspended_arms_its_events_on_resume() -> None:
    story = Story(
        process(
            line("s:startEvent>first:serviceTask>a:serviceTask>e:endEvent"),
            boundary("b", "a", "signal", "stop"),
            line("b>out:serviceTask"),
        )
    )
    story.is_suspended().completes("first").waits_at("a").is_armed_with()
    story.is_resumed().is_armed_with("b").stage.sends_signal("stop")
    story.runs_all_tasks().waits_at("out")


CALL = '<callActivity id="c" calledElement="child"/>'
CHILD = process(line("s:startEvent>do:serviceTask>e:endEvent"), process_id="child")


def calling() -> Story:
    stage = Stage().deploys(CHILD, "child").deploys(process(line("s:startEvent>c>after:serviceTask"), CALL))
    return stage.starts()


def test_a_process_that_runs_already_is_not_suspended_with_its_caller() -> None:
    story = calling().completes("c").is_suspended()
    child = story.called_by("c")
    assert child.instance.state is InstanceState.STARTED
    child.completes("do").has_ended()
    story.completes("c").waits_at("after")
    assert story.state_of("after") is InstanceState.SUSPENDED
    story.is_resumed().completes("after").has_ended()


def test_a_process_called_while_suspended_is_suspended_itself_until_it_is_resumed() -> None:
    story = calling().is_suspended().completes("c")
    child = story.called_by("c")
    assert child.instance.state is InstanceState.SUSPENDED
    assert not child.instance.jobs
    story.is_resumed()
    assert child.instance.state is InstanceState.SUSPENDED
    child.is_resumed().completes("do").has_ended()
    story.completes("c").completes("after").has_ended()


EVENT_BASED = process(
    line("s:startEvent>first:serviceTask>g:eventBasedGateway>x g>y x>ex:serviceTask y>ey:serviceTask"),
    event("intermediateCatchEvent", "x", "signal", "X"),
    event("intermediateCatchEvent", "y", "signal"),
)


def test_an_event_based_gateway_is_decided_while_suspended_and_goes_on_after() -> None:
    story = Story(EVENT_BASED).completes("first").completes("y", signal_name="Y").is_suspended()
    story.stage.sends_signal("Y")
    story.runs_all_tasks().waits_at("ey").is_armed_with()
    assert story.state_of("ey") is InstanceState.SUSPENDED
    story.is_resumed().completes("ey").has_ended()


def test_an_event_based_gateway_whose_branches_become_known_while_suspended_starts_on_resume() -> None:
    story = Story(EVENT_BASED).completes("first")
    assert story.state_of("g") is InstanceState.CREATED
    story.is_suspended().completes("y", signal_name="Y").is_resumed()
    assert story.state_of("g") is InstanceState.STARTED
    story.stage.sends_signal("Y")
    story.runs_all_tasks().waits_at("ey")


def test_an_event_based_gateway_reached_while_suspended_arms_its_branches_on_resume() -> None:
    story = Story(EVENT_BASED).is_suspended().completes("first").waits_at("g").is_armed_with()
    story.is_resumed().is_armed_with("x", "y")


def test_tokens_that_were_held_back_go_on_in_the_order_in_which_they_came() -> None:
    story = Story(
        bpmn(
            "s:startEvent f:parallelGateway a:serviceTask b:serviceTask x:serviceTask y:serviceTask",
            "s>f f>a f>b a>x b>y",
        )
    )
    story.is_suspended().completes("b").completes("a").is_resumed()
    assert [job.element for job in story.instance.jobs.values()] == ["y", "x"]


def test_a_failed_job_is_tried_again_and_an_incident_resolved_while_suspended() -> None:
    story = Story(TWO_STEPS).is_suspended().fails("a").resolves().completes("a").waits_at("b")
    assert story.state_of("b") is InstanceState.SUSPENDED
