"""The short form of the campaign of deliveries, and its controls; for the long one see tests/faults/deliveries.py."""

from pathlib import Path

import pytest

from tests.faults.deliveries import Event, Plan, Seen, deliver_and_kill, judge
from tests.faults.receivers import KINDS, Came

HOOK = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
EVENTS = (
    Event(1, "process-default-p", "process.deployed.v1", "default"),
    Event(2, f"webhook-{HOOK}", "webhook.created.v1", "default"),
    Event(3, "instance-1", "process_instance.started.v1", "default"),
    Event(4, "instance-2", "process_instance.started.v1", "acme"),
    Event(5, f"webhook-{HOOK}", "webhook.disabled.v1", "default"),
    Event(6, "instance-1", "process_instance.completed.v1", "default"),
    Event(7, f"webhook-{HOOK}", "webhook.enabled.v1", "default"),
    Event(8, "instance-3", "process_instance.started.v1", "default"),
)


def came(position: int, sequence: int, digest: str = "", *, taken: bool = True) -> Came:
    return Came(f"msg_{HOOK}-{position}", position, sequence, digest or f"bytes of {position}", taken)


def seen(*rows: Came, kind: str = "steady", marked: frozenset[int] = frozenset({3, 8}), **more: object) -> Seen:
    fields: dict[str, object] = {"unverified": (), "left_over": 0, **more}
    return Seen(EVENTS, {kind: HOOK}, {kind: rows}, marked={HOOK: marked}, **fields)  # type: ignore[arg-type]  # by name


GOOD = (came(3, 1, taken=False), came(8, 2), came(3, 1), came(3, 1))


async def test_every_event_arrives_the_same_at_every_receiver_through_a_kill(open_directory: Path) -> None:
    told, violations = await deliver_and_kill(open_directory / "deliveries", Plan(deliveries=300, kills=1, seed=7))
    print(told)
    assert violations == []


@pytest.mark.campaign
async def test_who_marks_what_is_about_to_be_sent_is_caught(open_directory: Path) -> None:
    plan = Plan(deliveries=300, kills=1, seed=8, seconds=15.0, hasty=True)
    _, violations = await deliver_and_kill(open_directory / "hasty", plan)
    assert [violation for violation in violations if "marked as delivered, but never taken" in violation]


def test_what_has_gone_as_it_should_is_not_found_fault_with() -> None:
    assert judge(seen(*GOOD)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        seen(came(8, 2), came(3, 1, taken=False)),
        seen(came(8, 1), marked=frozenset({8})),
        seen(*GOOD, came(6, 3)),
        seen(*GOOD, came(4, 3)),
        seen(*GOOD, came(8, 2, "other bytes")),
        seen(*GOOD, came(8, 3)),
        seen(came(3, 2), came(8, 1)),
        seen(*GOOD, Came("msg_another", 8, 2, "bytes of 8", taken=True)),
        seen(*GOOD, marked=frozenset({3, 8, 9})),
        seen(*GOOD, unverified=["msg_1: No matching signature found"]),
        seen(*GOOD, left_over=1),
        seen(*GOOD, kind="in order"),
    ],
    ids=[
        "never taken",
        "never came",
        "while disabled",
        "of another tenant",
        "other bytes",
        "two numbers",
        "numbers against positions",
        "another id",
        "marked only",
        "bad signature",
        "left over",
        "out of order",
    ],
)
def test_what_has_not_is(wrong: Seen) -> None:
    assert judge(wrong)


def test_each_kind_of_receiver_misbehaves_less_than_half_of_the_time() -> None:
    """So that no delivery uses up its attempts, which would be a failure that is to be expected."""
    assert all(kind.often < 0.5 for kind in KINDS.values())
