"""What a channel remembers of messages, and for how long a unique key stands for one (contracts/engine.md 2.9)."""

from datetime import UTC, datetime, timedelta

import pytest

from commands.intents import ProcessVariable, Timer
from commands.messages import SendMessage
from domain.messaging.channel import Channel, evolve
from domain.messaging.events import (
    ChannelEvent,
    MessageClosed,
    MessageCorrelated,
    MessageSent,
    MessageSubscribed,
    MessageUnsubscribed,
)
from domain.rejection import InvalidInput
from tests.story import Stage, Story, bpmn, text

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def sent(number: int, lasts: timedelta = HOUR, unique_key: str = "") -> MessageSent:
    return MessageSent(number, "paid", "42", NOON + lasts, unique_key)


def subscribed(number: int, element_instance_id: int) -> MessageSubscribed:
    return MessageSubscribed(number, "2026-11-20", 1, element_instance_id, 1, 1, "c", "paid", "42")


def channel(*events: ChannelEvent, at: datetime = NOON) -> Channel:
    state = Channel({}, {})
    for event in events:
        state = evolve(state, event, at, "sender", "default")
    return state


def kept(state: Channel, at: datetime = NOON) -> int:
    message = state.buffered(at)
    return message.sent.id if message is not None else 0


def test_the_oldest_message_that_has_neither_expired_nor_met_a_receiver_is_kept_for_the_next() -> None:
    messages = (sent(1, timedelta()), sent(2), sent(3))
    assert kept(channel(*messages)) == 2
    assert kept(channel(*messages, MessageCorrelated(2))) == 3
    assert kept(channel(*messages), NOON + HOUR) == 0


def test_a_message_expires_at_the_very_moment_and_not_before() -> None:
    assert kept(channel(sent(1)), NOON + HOUR - timedelta(milliseconds=1)) == 1
    assert kept(channel(sent(1)), NOON + HOUR) == 0


def test_subscriptions_are_met_in_their_order_and_given_up_by_who_has_them() -> None:
    state = channel(subscribed(5, 2), subscribed(6, 3))
    assert list(state.subscriptions) == [5, 6]
    assert state.subscription_of("2026-11-20", 1, 3) == 6
    assert state.subscription_of("2026-11-20", 2, 3) == 0
    assert list(channel(subscribed(5, 2), subscribed(6, 3), MessageUnsubscribed(5)).subscriptions) == [6]


def test_what_has_expired_is_forgotten_with_the_next_message_so_that_a_channel_does_not_grow() -> None:
    state = channel(*(sent(number, timedelta()) for number in range(1, 100)))
    assert list(state.messages) == [99]


@pytest.mark.parametrize(
    ("events", "at", "stands_for"),
    [
        ((sent(1, unique_key="k"),), NOON, 1),
        ((sent(1, unique_key="k"),), NOON + HOUR, 0),
        ((sent(1, unique_key="k"), MessageCorrelated(1)), NOON + HOUR, 1),
        ((sent(1, unique_key="k"), MessageCorrelated(1), MessageClosed(1)), NOON, 0),
        ((sent(1, unique_key="other"),), NOON, 0),
        ((sent(1),), NOON, 0),
    ],
    ids=["kept", "expired", "correlated", "done with", "another key", "no key"],
)
def test_a_unique_key_stands_for_its_message_while_that_may_still_do_something(
    events: tuple[ChannelEvent, ...], at: datetime, stands_for: int
) -> None:
    same = channel(*events).same("k", at)
    assert (same.sent.id if same is not None else 0) == stands_for


def test_a_message_without_a_unique_key_stands_for_nothing() -> None:
    assert channel(sent(1)).same("", NOON) is None


def test_sending_again_under_a_unique_key_answers_the_message_of_before_and_sends_nothing() -> None:
    stage = Stage()
    first = stage.sends_message("paid", "42", unique_key="k")
    facts = len(stage.log.facts)
    assert stage.sends_message("paid", "42", unique_key="k", variables=(ProcessVariable("n", text("2")),)) == first
    assert len(stage.log.facts) == facts


@pytest.mark.parametrize(("name", "key", "unique_key"), [("open", "42", "k"), ("paid", "43", "k"), ("paid", "42", "l")])
def test_a_unique_key_is_unique_within_a_name_and_a_correlation_key(name: str, key: str, unique_key: str) -> None:
    stage = Stage()
    first = stage.sends_message("paid", "42", unique_key="k")
    assert stage.sends_message(name, key, unique_key=unique_key).id > first.id


def test_a_unique_key_is_free_again_when_its_message_has_expired_uncorrelated() -> None:
    stage = Stage()
    first = stage.sends_message("paid", "42", lasts="PT1H", unique_key="k")
    second = stage.passes(HOUR).sends_message("paid", "42", unique_key="k")
    assert second.id > first.id


def test_a_unique_key_is_free_again_when_what_its_message_triggers_has_run() -> None:
    story = Story(bpmn("s:startEvent c:messageCatch~paid d:messageCatch~paid", "s>c c>d"))
    story.completes("c", message_correlation_key="42")
    first = story.stage.sends_message("paid", "42", unique_key="k")
    assert story.stage.sends_message("paid", "42", unique_key="k") == first
    story.runs_task_at("c").completes("d", message_correlation_key="42")
    assert story.stage.sends_message("paid", "42", unique_key="k").id > first.id
    story.runs_task_at("d").has_ended()


def test_an_expiration_timer_may_be_a_time_or_a_cycle_too_and_has_to_say_something() -> None:
    stage = Stage()
    command = SendMessage("42", "paid", "sender", Timer(time=NOON))
    assert stage.send(command).expires_at == NOON
    command = SendMessage("42", "paid", "sender", Timer(time_cycle="@daily"))
    assert stage.send(command).expires_at == NOON.replace(hour=0) + timedelta(days=1)
    with pytest.raises(InvalidInput) as raised:
        stage.send(SendMessage("42", "paid", "sender", Timer()))
    assert raised.value.title == "failed to evaluate expiration timer"
    assert raised.value.detail == "must specify a time, time cycle or time duration"


def test_messages_of_one_tenant_do_not_reach_another() -> None:
    story = Story(bpmn("s:startEvent c:messageCatch~paid", "s>c")).completes("c", message_correlation_key="42")
    command = SendMessage("42", "paid", "sender", Timer(time_duration="PT1H"))
    assert not story.stage.send(command, tenant="other").correlated
