"""Results of probes, and what follows from them at once (contracts/incidents.md 0.5, source 3, and 0.6, consensus).

Results count in the order in which they come, those that come together in the order in which they were observed. One
that was observed long before another that has counted (``domain.monitoring.check.LATE``) is kept and does not count.

The results, the incident that they open or resolve, and that it recurred are one append.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from commands import check_fields
from commands.check_incidents import (
    OpenIncidentOfCheck,
    hold_with_incidents,
    look_at_incidents,
    open_for_check,
)
from commands.context import Context, Decision
from commands.desk import AtHand, Desk
from commands.incident_fields import MOST_REGIONS
from commands.intents import Intent
from commands.turns import decided, unit_of
from domain.coordination.unit_of_work import UnitOfWork
from domain.event import Actor
from domain.identity import check_stream, incident_stream
from domain.incidents.events import IncidentRecurred, IncidentResolved
from domain.incidents.incident import Incident
from domain.monitoring.check import Check, CheckStatus, hear
from domain.monitoring.consensus import ENOUGH, KINDS, SEVERITIES, Row, says
from domain.monitoring.events import CheckIncidentEnded, CheckResultsReported, Kind, Result
from domain.rejection import Cause, InvalidInput, InvalidState

REPORT = "failed to report results"

MOST_RESULTS = 100

#: Who does what follows from results: nobody who reports them opens or resolves anything (incidents.md 0.6).
MONITOR = Actor("monitor", "system")


class ReportedResult(Intent, frozen=True):
    """What one probe found; it was observed now where it does not say when (engine time, UTC, cut to milliseconds)."""

    region: str
    ok: bool
    type: str | None = None
    message: str = ""
    latency_ms: float | None = None
    observed_at: datetime | None = None


class ReportResults(Intent, frozen=True):
    """Tell what probes of a check found. The target is the check's ULID."""

    results: tuple[ReportedResult, ...]


class ResultsAnswer(NamedTuple):
    """How the check stands now, and the ULID of its unresolved incident; of two that it is down."""

    check_status: CheckStatus
    incident: str | None


async def gather_report(command: ReportResults, ulid: str, context: Context, desk: Desk) -> AtHand:
    """Refuse results that say nothing, and those of a check that is paused."""
    check = await hold_with_incidents(desk, ulid, context.tenant, REPORT)
    causes = [*_wrong(command.results, context.now)]
    if causes:
        raise InvalidInput(REPORT, "fields are invalid", causes)
    if check.paused:
        raise InvalidState(REPORT, f"check chk_{ulid} is paused")
    return desk.at_hand


def _wrong(results: tuple[ReportedResult, ...], now: datetime) -> Iterator[Cause]:
    if not 1 <= len(results) <= MOST_RESULTS:
        yield Cause("#", "count", f"must be 1 to {MOST_RESULTS} results")
        return
    for index, result in enumerate(results):
        at = f"#/{index}" if len(results) > 1 else "#"
        yield from check_fields.region(f"{at}/region", result.region)
        yield from check_fields.failure(f"{at}/type", ok=result.ok, word=result.type)
        yield from check_fields.message(f"{at}/message", result.message)
        yield from check_fields.within(f"{at}/latency_ms", result.latency_ms, check_fields.LATENCY)
        yield from check_fields.observed(f"{at}/observed_at", result.observed_at, now)


def decide_report(command: ReportResults, ulid: str, at_hand: AtHand, context: Context) -> Decision:
    """Take the results one after the other, with what each of them leads to."""
    unit = unit_of(context, *at_hand)
    hearing = Hearing(unit, ulid, context.actor.id)
    for result in sorted(_results(command, context.now), key=lambda result: result.observed_at):
        hearing.take(result)
    check = hearing.close()
    open_ones = (check.watch(kind).incident for kind in KINDS if check.watch(kind).unresolved)
    return decided(unit, ResultsAnswer(check.status, next(open_ones, None)), MONITOR)


def _results(command: ReportResults, now: datetime) -> Iterator[Result]:
    for result in command.results:
        failure: Any = result.type
        region, message = result.region.strip(), result.message.strip()
        yield Result(region, result.ok, result.observed_at or now, failure, message, result.latency_ms)


class Hearing:
    """Takes results of a check; those that lead to nothing by themselves are recorded together."""

    def __init__(self, unit: UnitOfWork, ulid: str, reporter: str) -> None:
        self._unit = unit
        self._ulid = ulid
        self._reporter = reporter
        self._check = look_at_incidents(unit, ulid)
        self._heard: list[Result] = []

    def take(self, result: Result) -> None:
        """Hear a result; open, raise or resolve what it is the last word for."""
        counts = self._check.counts(result)
        self._check = hear(self._check, result)
        self._heard.append(result)
        if counts:
            for kind in KINDS:
                self._follow(kind, result)

    def close(self) -> Check:
        """Record what is left, and return the check."""
        if self._heard:
            self._unit.record(check_stream(self._ulid), CheckResultsReported(tuple(self._heard), self._reporter))
            self._heard.clear()
        check: Check = self._unit.state(check_stream(self._ulid))
        return check

    def _follow(self, kind: Kind, result: Result) -> None:
        watch = self._check.watch(kind)
        said = says(kind, result)
        if watch.unresolved and said == "failure":
            self._recur(incident_stream(watch.incident), result)
        elif watch.row.agrees and watch.row.fails and not watch.unresolved:
            self._open(watch.row)
        elif watch.row.agrees and not watch.row.fails and watch.unresolved:
            self._resolve(kind, watch.incident)

    def _recur(self, stream: str, result: Result) -> None:
        """Count one more failure, and where it was seen, as long as these are not too many places to be of any use."""
        known: Incident = self._unit.state(stream)
        regions = (result.region,) if len(known.affected_regions) < MOST_REGIONS else ()
        self._unit.record(stream, IncidentRecurred(result.message, result.type, regions))

    def _open(self, row: Row) -> None:
        """Open an incident; what else has been heard is recorded first, since its row begins anew then."""
        self.close()
        verdict = row.verdict
        assert verdict.type is not None  # noqa: S101  (a row of failures has none without a type)
        report = OpenIncidentOfCheck(
            severity=SEVERITIES[verdict.type],
            type=verdict.type,
            error_message=verdict.message or verdict.type,
            affected_regions=row.regions,
            failure_count=ENOUGH,
            started_at=row.since,
        )
        open_for_check(self._unit, self._ulid, report)
        self._check = self.close()

    def _resolve(self, kind: Kind, incident: str) -> None:
        """Resolve the incident, whatever people have begun with it."""
        self.close()
        stream = incident_stream(incident)
        self._unit.record(stream, IncidentResolved("automatic", self._unit.state(stream).status))
        self._unit.record(check_stream(self._ulid), CheckIncidentEnded(kind, incident))
        self._check = self.close()
