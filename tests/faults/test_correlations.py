"""The short form of the message campaign, and its controls; for the long one see tests/faults/correlations.py."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.bpmn.events import EventTriggered, ProcessInstanceCompleted, ProcessInstanceStarted
from domain.event import Event
from domain.messaging.events import MessageClosed, MessageCorrelated, MessageSent, MessageSubscribed
from tests.faults.correlations import Fact, Plan, Sent, judge, send_and_kill

NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_no_message_is_lost_or_correlated_twice_through_duplicates_and_kills(open_directory: Path) -> None:
    told, violations = await send_and_kill(open_directory / "messages", messages=150, kills=2, seed=5)
    print(told)
    assert violations == []


def sent(number: int, unique_key: str = "u", expires_at: datetime = NINE + HOUR) -> MessageSent:
    return MessageSent(number, "paid", "k", expires_at, unique_key)


def subscribed(number: int) -> MessageSubscribed:
    return MessageSubscribed(number, "2026-11-20", number, 2, 1, 1, "c", "paid", "k")


def facts(*events: tuple[str, Event]) -> list[Fact]:
    """Return facts in this order, each from a command of its own; ``c`` stands for the channel."""
    streams = {"c": "channel-k"}
    return [
        Fact(streams.get(stream, stream), NINE + timedelta(minutes=number), str(number), event)
        for number, (stream, event) in enumerate(events)
    ]


RUN = facts(
    ("i", ProcessInstanceStarted(1, "waits", "1", correlation_key="k")),
    ("c", subscribed(1)),
    ("c", sent(1)),
    ("c", MessageCorrelated(1, 1)),
    ("i", EventTriggered(2, 1, 1, "c", message_id=1)),
    ("i", ProcessInstanceCompleted()),
    ("c", MessageClosed(1)),
)
RUN[3] = RUN[3]._replace(command=RUN[2].command, at=RUN[2].at)
PLAN = Plan("k", "after", {"u": (1, "PT1H")}, 1)


def judged(facts: list[Fact], answer: int = 1) -> list[str]:
    known = Sent()
    known.answered["u"].add(answer)
    return judge(facts, [PLAN], known)


def test_what_has_happened_as_it_should_is_not_found_fault_with() -> None:
    assert judged(RUN) == []


@pytest.mark.parametrize("lost", RUN[:6], ids=lambda fact: type(fact.event).__name__)
def test_any_fact_that_is_lost_is_found(lost: Fact) -> None:
    assert judged([fact for fact in RUN if fact is not lost])


@pytest.mark.parametrize("doubled", [RUN[0], RUN[2], RUN[3], RUN[4]], ids=lambda fact: type(fact.event).__name__)
def test_any_fact_that_is_doubled_is_found(doubled: Fact) -> None:
    assert judged([again for fact in RUN for again in ([fact, fact] if fact is doubled else [fact])])


def test_an_answer_that_the_log_does_not_know_is_found() -> None:
    assert judged(RUN, answer=2) == ["message u was answered with {2}"]


@pytest.mark.parametrize(
    ("events", "wrong"),
    [
        ([subscribed(1), sent(1)], "waits beside a subscription"),
        ([sent(1), subscribed(1)], "waits beside a subscription"),
        ([sent(1), sent(2)], "stands for two messages"),
        ([sent(1, expires_at=NINE), MessageCorrelated(1)], "after it had expired"),
        ([subscribed(1), sent(1), MessageCorrelated(1, 1), sent(2, "v"), MessageCorrelated(2, 1)], "more than one"),
    ],
)
def test_a_channel_that_breaks_a_rule_is_found(events: list[Event], wrong: str) -> None:
    assert any(wrong in found for found in judged(facts(*(("c", event) for event in events))))
