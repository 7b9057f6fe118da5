"""The short form of the mutations of history, and its controls; for the long one see tests/faults/tampering.py."""

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.audit.findings import Finding
from infra.audit.heads import Head, chained_head
from tests.faults.tampering import (
    WHOLE_CHAIN,
    Log,
    Place,
    Tampered,
    chained,
    complaint_about,
    found,
    heads,
    judged,
    lived_log,
)


class Lived(NamedTuple):
    """A session on the database of a log that is chained, where it ends, and heads that were kept of it."""

    session: Any
    end: int
    kept: list[Head]


@pytest.fixture(scope="module")
async def lived(open_directory: Path) -> AsyncIterator[Lived]:
    async with lived_log(open_directory / "tampering") as (session, end):
        await chained(session, random.Random(4))
        yield Lived(session, end, list(await heads(session)))


@pytest.fixture
async def log(lived: Lived) -> AsyncIterator[Log]:
    """Return the log in a transaction of which nothing remains."""
    transaction = lived.session.transaction()
    await transaction.start()
    yield Log(lived.session, random.Random(5), lived.end)
    await transaction.rollback()


async def test_whatever_is_changed_is_found_and_located(lived: Lived) -> None:
    chance = random.Random(11)
    verdicts = [await judged(lived.session, chance, lived.end, lived.kept) for _ in range(120)]
    assert [(one.tampered, one.level, one.complaint) for one in verdicts if one.complaint] == []
    assert {one.level for one in verdicts} == {0, 1, 2, 3}
    assert len({one.tampered.what for one in verdicts}) > 12


async def test_nothing_is_found_where_nothing_was_changed(lived: Lived) -> None:
    assert await found(lived.session, lived.kept) == []


async def test_the_hashes_of_the_database_are_those_that_the_verifier_computes(lived: Lived) -> None:
    last = await chained_head(lived.session)
    assert last is not None
    assert (last.head, last.log_head) == (lived.kept[-1], lived.end)
    wrong = Head(lived.end, bytes(32))
    assert await found(lived.session, [wrong]) == [
        Finding("heads", f"history up to {lived.end} is not what it was when its head was kept", 1, lived.end)
    ]


@pytest.mark.parametrize(
    "value",
    ["null", "'infinity'", "'-infinity'", "'0044-03-15 BC'", "'200000-01-01'"],
    ids=lambda value: value.strip("'"),
)
@pytest.mark.parametrize("column", ["happened_at", "recorded_at"])
async def test_a_time_that_no_event_has_is_an_edit_like_any_other(log: Log, column: str, value: str) -> None:
    """Whoever can write the database can also take its rules away."""
    await log.session.execute(f"alter table log.events alter column {column} drop not null")
    await log.session.execute(f"update log.events set {column} = {value} where notification_id = 9")
    assert [(one.check, one.position) for one in await found(log.session, ())] == [("chain", 9)]


async def test_an_edit_is_told_with_its_event(log: Log) -> None:
    session = log.session
    stream, version = await session.fetchrow(
        "update log.events set actor_id = 'mallory' where notification_id = 9"
        " returning originator_id, originator_version"
    )
    assert await found(session, ()) == [
        Finding("chain", f"version {version} is not what it was when it was chained", 9, None, stream)
    ]


async def test_whoever_rewrites_the_whole_chain_is_found_by_a_kept_head_alone(log: Log, lived: Lived) -> None:
    before, after = (next(head for head in lived.kept if head.position >= place) for place in (20, 60))
    await log.session.execute("update log.events set actor_id = 'mallory' where notification_id = $1", after.position)
    await log.cover(WHOLE_CHAIN)
    assert await found(log.session, ()) == []
    (finding,) = await found(log.session, [before, after, lived.kept[-1]])
    assert (finding.check, finding.position, finding.upto) == ("heads", before.position + 1, after.position)


async def test_a_log_that_was_cut_off_together_with_its_chain_is_found_by_a_head_behind_its_end(
    log: Log, lived: Lived
) -> None:
    tampered = await log.truncation()
    await log.cover(1)
    await log.cover(WHOLE_CHAIN)
    assert await found(log.session, ()) == []
    findings = await found(log.session, [*lived.kept, Head(lived.end + 5, bytes(32))])
    assert complaint_about(tampered, findings) == ""


async def test_the_chain_goes_on_with_no_event_that_contradicts_it(log: Log) -> None:
    session, extend = log.session, "select fault from log.extend_chain(10)"
    assert await session.fetchval(extend) is None
    await session.execute("update log.events set actor_id = 'mallory' where notification_id = $1", log.end)
    assert await session.fetchval(extend) == "changed"
    await session.execute("update log.head set position = position - 1")
    assert await session.fetchval(extend) == "rewound"
    await session.execute("update log.head set position = position + 1")
    begin = await session.fetchval("delete from log.chain where upto = $1 returning after + 1", log.end)
    await session.execute("delete from log.events where notification_id = $1", begin)
    assert await session.fetchval(extend) == "missing"


async def test_a_position_beyond_all_counting_costs_no_time(log: Log) -> None:
    await log.session.execute("update log.events set notification_id = 1::bigint << 61 where notification_id = 30")
    await log.session.execute("update log.head set position = 1::bigint << 61")
    findings = await found(log.session, ())
    assert Finding("positions", "missing", 30, 30) in findings


@pytest.mark.parametrize(
    "findings",
    [[], [Finding("chain", "changed", 8)], [Finding("heads", "changed", 1, 8)], [Finding("read models", "differs")]],
)
def test_what_is_not_found_or_found_elsewhere_is_complained_about(findings: list[Finding]) -> None:
    assert complaint_about(Tampered("edit", Place(9, 9)), findings)
    assert not complaint_about(Tampered("edit", Place(9, 9)), [Finding("chain", "changed", 5, 9)])
