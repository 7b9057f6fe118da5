"""Everything that an audit verifies: the log, and what is made from it. Nobody waits for it; appends go on."""

from collections.abc import Sequence
from typing import Any

from infra.audit.findings import MOST, Finding, Findings
from infra.audit.heads import Head
from infra.audit.queries import SQL
from infra.audit.walking import OnProgress, Walk, Walked
from infra.event_log.rebuilding import HEAD, compared_tables, fill_tables, make_tables
from infra.following.beside import CLOSE, FactRefused
from infra.following.verifying import OtherVersion, verify
from infra.leases import Connections, LeaseLost, LeaseTaken
from infra.outages import passes
from projections.database import Database
from projections.read_model import ReadModel


async def verify_log(database: Database, findings: Findings, kept: Sequence[Head], on_progress: OnProgress) -> Walked:
    """Compare all events with the chain of hashes, with heads that were kept, and with their streams."""
    walked = await Walk(database, findings, kept).all(on_progress)
    for row in await database.fetch(SQL["streams"], walked.head.position, MOST + 1):
        position, stream, version, before, position_before = row
        what = f"version {version} comes after version {before}"
        if version == before + 1:
            what = f"version {version} stands before version {before}, which is at position {position_before}"
        findings.add(Finding("streams", what, position, None, stream))
    for stream, known, reached, position in await database.fetch(SQL["stream_heads"], MOST + 1):
        what = f"ends with version {reached or 0}, the log knows it to end with {known or 0}"
        findings.add(Finding("streams", what, position, None, stream))
    return walked


async def verify_decision_tables(session: Any, findings: Findings, on_progress: OnProgress) -> None:
    """Compare the decision tables with what the log says; the session (asyncpg's) has tables of its own afterwards."""
    await make_tables(session)
    position, head = 0, await session.fetchval(HEAD)
    try:
        while head - position > CLOSE:  # so that the snapshot need not be held for long
            position = await fill_tables(session, position, head)
            on_progress(position, head)
            head = await session.fetchval(HEAD) if position == head else head
        async with session.transaction(isolation="repeatable_read"):
            head = await session.fetchval(HEAD)
            while position < head:
                position = await fill_tables(session, position, head)
            different = await compared_tables(session)
        on_progress(head, head)
    except Exception as error:
        if passes(error):
            raise
        what = f"the log does not tell them: {type(error).__name__}: {error}"
        findings.add(Finding("decision tables", what, position + 1, head))
        return
    for difference in different:
        findings.add(Finding("decision tables", difference))


async def verify_read_model(
    pool: Connections, model: ReadModel, holder: str, findings: Findings, on_progress: OnProgress
) -> None:
    """Compare a read model with a rebuild; one that cannot be compared now is told too."""
    try:
        for different in await verify(pool, model, holder, on_progress):
            what = f"is {different.live}, the log says {different.rebuilt}"
            findings.add(Finding("read models", f"{different.table} {different.key} {what}"))
    except FactRefused as refused:
        findings.add(Finding("read models", str(refused), refused.failure.failed_at))
    except LeaseTaken:
        what = f"{model.name} is being rebuilt or compared elsewhere: it was not compared"
        findings.add(Finding("read models", what))
    except OtherVersion as other:
        findings.add(Finding("read models", str(other)))
    except Exception as error:
        if passes(error) or isinstance(error, LeaseLost):
            raise
        findings.add(Finding("read models", f"{model.name} cannot be compared: {type(error).__name__}: {error}"))
