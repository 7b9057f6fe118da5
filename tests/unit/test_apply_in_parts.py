"""A batch with bad facts in it is applied up to the first of them, and each fact before that once."""

import asyncio
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from domain.bpmn.events import JobLocked
from domain.event import Actor, Recorded
from infra.following.applying import apply_in_parts
from infra.following.batches import Batch, Failure

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ACTOR = Actor("system", "test")


def fact(position: int) -> Recorded:
    return Recorded(position, f"instance-{position}", 1, JobLocked(position), "default", ACTOR, NOW, NOW, "command")


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Draw facts with gaps between them, as they are when others concern nobody."""
    positions = sorted(draw(st.sets(st.integers(11, 80), max_size=40)))
    return Batch(10, draw(st.integers(max(positions, default=10), 90)), [fact(position) for position in positions])


@given(batches(), st.sets(st.integers(11, 80), max_size=5))
def test_facts_before_the_first_bad_one_are_applied_once_and_in_parts_without_a_gap(
    batch: Batch, bad: set[int]
) -> None:
    applied: list[int] = []
    standing = batch.after

    async def apply(part: Batch) -> None:
        nonlocal standing
        if bad.intersection(fact.position for fact in part.facts):
            raise LookupError
        assert part.after == standing, "parts follow each other"
        applied.extend(fact.position for fact in part.facts)
        standing = part.upto

    failure: Failure | None = asyncio.run(apply_in_parts(batch, apply))
    positions = [fact.position for fact in batch.facts]
    first = next((position for position in positions if position in bad), None)
    if first is None:
        assert (failure, applied, standing) == (None, positions, batch.upto)
    else:
        assert failure is not None
        assert failure.failed_at == first
        assert applied == [position for position in positions if position < first]
        assert failure.position == standing
