"""The cache of states keeps what was used last, within bounds that no client can widen."""

from datetime import UTC, datetime, timedelta

from commands.states import MOST_CHARACTERS, StateCache, Versioned
from domain.messaging.channel import Channel, Message
from domain.messaging.events import MessageSent, SentVariable, SignalSent

NOW = datetime(2026, 11, 20, tzinfo=UTC)
HALF = SentVariable("v", "text", "x" * (MOST_CHARACTERS // 2))


def channel(*messages: int) -> Versioned:
    """Return a channel that keeps messages, each with half of the characters that all states may hold."""
    sent = {n: MessageSent(n, "m", "k", NOW + timedelta(hours=1), variables=(HALF,)) for n in messages}
    return Versioned(1, Channel({n: Message(message, NOW, "bob") for n, message in sent.items()}, {}))


def test_the_states_that_were_used_last_are_kept() -> None:
    cache = StateCache(2)
    for name in ("a", "b", "a", "c"):
        cache.get("a")
        cache.put(name, Versioned(1, None))
    assert [name for name in ("a", "b", "c") if cache.get(name)] == ["a", "c"]


def test_messages_and_signals_with_great_values_make_room_for_each_other() -> None:
    cache = StateCache(1_000)
    cache.put("channel-1", channel(1))
    cache.put("signal-1", Versioned(1, SignalSent(1, "s", 0, (), (HALF,))))
    assert len(cache) == 2
    cache.put("channel-2", channel(1))
    assert cache.get("channel-1") is None
    cache.put("channel-2", channel())
    cache.put("channel-3", channel(1))
    assert len(cache) == 3


def test_a_state_with_more_than_all_may_hold_is_kept_alone() -> None:
    """Else it would be read from the log anew each time."""
    cache = StateCache(1_000)
    cache.put("channel-1", channel(1))
    cache.put("channel-2", channel(1, 2, 3))
    assert cache.get("channel-1") is None
    assert len(cache) == 1
    cache.put("channel-3", channel(1))
    assert cache.get("channel-2") is None
