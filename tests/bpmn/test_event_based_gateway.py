"""Event-based gateway: the first of the events behind it decides where the token goes (contracts/engine.md 2.8)."""

from datetime import timedelta

import pytest

from commands.intents import Timer
from domain.bpmn.events import InstanceState, JobType
from domain.rejection import InvalidModel
from tests.story import Stage, Story, bpmn

HOUR = timedelta(hours=1)
FLOWS = "s>g g>m g>x g>t m>a x>b t>c"
TASKS = "a:serviceTask b:serviceTask c:serviceTask"
KNOWN = bpmn(
    f"s:startEvent g:eventBasedGateway m:messageCatch~paid x:signalCatch~stop t:timerCatch~PT1H {TASKS}", FLOWS
)
UNKNOWN = bpmn(f"s:startEvent g:eventBasedGateway m:messageCatch x:signalCatch t:timerCatch {TASKS}", FLOWS)


def ready() -> Story:
    return Story(KNOWN).completes("m", message_correlation_key="42")


def test_it_is_created_until_all_events_behind_it_are_known_and_started_then() -> None:
    story = Story(UNKNOWN).waits_at("g").is_armed_with("m", "x", "t")
    asked = {job.element: job.type for job in story.instance.jobs.values()}
    assert asked == {"m": JobType.SUBSCRIBE_MESSAGE, "x": JobType.SUBSCRIBE_SIGNAL, "t": JobType.SET_TIMER}
    story.completes("t", timer=Timer(time_duration="PT1H")).completes(
        "m", message_name="p", message_correlation_key="1"
    )
    assert story.state_of("g") is InstanceState.CREATED
    story.completes("x", signal_name="stop")
    assert story.state_of("g") is InstanceState.STARTED
    assert story.state_of("m") is InstanceState.CREATED


def test_without_a_message_it_is_started_at_once() -> None:
    story = Story(bpmn("s:startEvent g:eventBasedGateway x:signalCatch~stop t:timerCatch~PT1H", "s>g g>x g>t"))
    assert (story.state_of("g"), story.instance.jobs) == (InstanceState.STARTED, {})


def test_a_message_takes_its_branch_and_ends_the_others() -> None:
    story = ready()
    assert story.stage.sends_message("paid", "42").correlated
    story.runs_all_tasks().waits_at("a").is_armed_with()
    assert [story.ends_of(name) for name in ("g", "m", "x", "t")] == [
        ["COMPLETED"],
        ["COMPLETED"],
        ["TERMINATED"],
        ["TERMINATED"],
    ]
    assert story.stage.sends_signal("stop").subscriber_count == 0
    story.completes("a").has_ended()


def test_a_signal_takes_its_branch_and_no_message_is_swallowed_any_more() -> None:
    story = ready()
    assert story.stage.sends_signal("stop").subscriber_count == 1
    story.runs_all_tasks().waits_at("b").is_armed_with()
    assert not story.stage.sends_message("paid", "42").correlated
    story.completes("b").has_ended()


def test_a_timer_takes_its_branch() -> None:
    story = ready()
    story.stage.passes(HOUR)
    story.runs_all_tasks().waits_at("c").is_armed_with()
    assert story.stage.log.message_subscriptions == {}
    assert story.stage.log.signal_subscriptions == {}
    story.completes("c").has_ended()


def test_the_time_of_a_branch_that_lost_comes_to_nothing() -> None:
    story = ready()
    story.stage.sends_signal("stop")
    story.runs_all_tasks().stage.passes(HOUR)
    story.runs_all_tasks().waits_at("b")
    assert story.names()[-1] == "TaskCanceled"


def test_of_two_events_that_came_the_first_task_decides_and_the_other_is_canceled() -> None:
    story = ready()
    story.stage.sends_message("paid", "42")
    story.stage.sends_signal("stop")
    story.runs_task_at("x").runs_all_tasks().waits_at("b").completes("b").has_ended()


def test_an_event_that_is_known_may_come_before_the_others_are() -> None:
    story = Story(KNOWN)
    assert story.state_of("g") is InstanceState.CREATED
    story.stage.sends_signal("stop")
    story.runs_all_tasks().waits_at("b").is_armed_with()
    story.completes("m", message_correlation_key="42").waits_at("b")
    assert not story.stage.sends_message("paid", "42").correlated


def test_a_message_that_was_sent_before_takes_its_branch() -> None:
    stage = Stage().deploys(KNOWN)
    stage.sends_message("paid", "42")
    stage.starts().completes("m", message_correlation_key="42").runs_all_tasks().waits_at("a")


def test_ids_rise_in_the_order_of_creation() -> None:
    story = Story(KNOWN)
    assert [(e.id, e.element) for e in story.instance.elements.values()] == [
        (1, "p"),
        (3, "g"),
        (4, "m"),
        (5, "x"),
        (6, "t"),
    ]


def test_under_suspension_an_event_decides_and_the_token_halts_behind_it() -> None:
    story = ready().is_suspended()
    story.stage.sends_signal("stop")
    story.runs_all_tasks().waits_at("b")
    assert story.state_of("b") is InstanceState.SUSPENDED
    assert story.is_resumed().job_at("b").type is JobType.EXECUTE


def test_one_whose_last_event_becomes_known_under_suspension_starts_with_the_resume() -> None:
    story = Story(KNOWN).is_suspended().completes("m", message_correlation_key="42")
    story.is_resumed().waits_at("g").is_armed_with("m", "x", "t")
    assert story.state_of("g") is InstanceState.STARTED
    story.stage.sends_message("paid", "42")
    story.runs_all_tasks().waits_at("a")


def test_a_token_that_comes_round_to_it_again_waits_anew() -> None:
    story = Story(
        bpmn(
            "s:startEvent m:exclusiveGateway g:eventBasedGateway x:signalCatch~again t:timerCatch~PT1H e:endEvent",
            "s>m m>g g>x g>t x>m t>e",
        )
    )
    for _ in range(3):
        assert story.stage.sends_signal("again").subscriber_count == 1
        story.runs_all_tasks().waits_at("g")
    story.stage.passes(2 * HOUR)
    story.runs_all_tasks().has_ended()


@pytest.mark.parametrize(
    ("nodes", "flows", "detail"),
    [
        ("x:signalCatch~s", "g>x", "event-based gateway g must have at least 2 outgoing sequence flows"),
        ("x:signalCatch~s a:serviceTask", "g>x g>a", "event-based gateway g cannot be followed by SERVICE_TASK"),
    ],
)
def test_it_needs_two_events_behind_it_and_nothing_else(nodes: str, flows: str, detail: str) -> None:
    with pytest.raises(InvalidModel) as raised:
        Stage().deploys(bpmn(f"s:startEvent g:eventBasedGateway {nodes}", f"s>g {flows}"))
    assert detail in [cause.detail for cause in raised.value.causes]
