"""A real service desk's incidents, replayed through the APIs with their times, end as a script reads them in the file.

Engine time stands for the desk's: it is moved forward to each update, all of them shifted by one span of time.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.clock import Clock
from tests.contract.administering import OWNER, Callers, callers
from tests.e2e.service_desk import SEVERITIES, WORDS, Case, counts, mean_recovery_minutes, read_cases

FILE = Path(__file__).parents[3] / "shared" / "data" / "service_desk_incidents.csv"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the service desk's log is not at hand")

#: The figures of the last 90 days are compared in the midst of the replay: all cases begin within two days.
FIGURES_AFTER = timedelta(days=60)

#: What the replay itself may take between setting the time and a move: times are compared to the minute.
MINUTE = timedelta(minutes=1)


class Step(NamedTuple):
    """What happens to a case at a moment of the desk's time: it is written down first, later it moves."""

    at: datetime
    case: Case
    state: str | None


class Desk:
    """The replay: the desk's time, and the incident of each case."""

    def __init__(self, them: Callers, cases: list[Case]) -> None:
        self._them = them
        self.ids: dict[str, str] = {}
        self.figures: Any = None
        begin = min(case.opened_at for case in cases)
        self.figures_at = begin + FIGURES_AFTER
        tomorrow = Clock().wall().replace(tzinfo=None, microsecond=0) + timedelta(days=1)
        self.shift = tomorrow - begin
        self._cases = cases

    def engine_time(self, at: datetime) -> datetime:
        return (at + self.shift).replace(tzinfo=UTC)

    async def ask(self, method: str, path: str, body: Any = None, expected: int = 200) -> Any:
        answer = await self._them.ask(OWNER, method, path, body)
        assert answer.status_code == expected, (method, path, body, answer.status_code, answer.text)
        return answer.json()

    async def replay(self) -> None:
        at = None
        for step in sorted(self._steps(), key=lambda step: (step.at, step.case.number)):
            if step.at != at:
                if self.figures is None and step.at > self.figures_at:
                    await self._set_time(self.figures_at)
                    self.figures = await self.ask("GET", "/v1/analytics/incidents?period=90d")
                at = step.at
                await self._set_time(at)
            await (self._open(step.case) if step.state is None else self._move(self.ids[step.case.number], step.state))

    async def _set_time(self, at: datetime) -> None:
        await self.ask("PATCH", "/time", {"time": self.engine_time(at).isoformat()})

    def _steps(self) -> Iterator[Step]:
        for case in self._cases:
            yield Step(case.written_at, case, None)
            yield from (Step(change.at, case, change.state) for change in case.moves)

    async def _open(self, case: Case) -> None:
        body = {
            "title": case.number,
            "severity": {"critical": "critical", "high": "major", "medium": "minor", "low": "warning"}[
                SEVERITIES[case.priority]
            ],
            "type": "connection_error",
            "error_message": f"reported as {case.number}",
            "started_at": self.engine_time(case.opened_at).isoformat(),
        }
        answer = await self.ask("POST", "/api/incidents", body, 201)
        self.ids[case.number] = answer["data"]["incident"]["id"]

    async def _move(self, incident: str, state: str) -> None:
        """Move it in the feed's words; what is resolved is reopened through alerts first, where it goes on."""
        shown = (await self.ask("GET", f"/v1/incidents/{incident}"))["status"]
        word = WORDS[state][0]
        if shown == "resolved" and state != "Closed":
            await self.ask("PATCH", f"/api/alerts/incidents/{incident}", {"status": "open"})
            shown = "open"
        if shown != word:
            await self.ask("PATCH", f"/v1/incidents/{incident}", {"status": word})


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return read_cases(FILE)


@pytest.fixture
async def desk(database: str, cases: list[Case]) -> AsyncIterator[Desk]:
    async with callers(database, set_time_enabled=True, enterprise_limit=1_000_000) as them:
        desk = Desk(them, cases)
        await desk.replay()
        yield desk


async def test_the_service_desks_incidents_end_as_its_file_says(desk: Desk, cases: list[Case]) -> None:
    for case in cases:
        incident = desk.ids[case.number]
        feed = await desk.ask("GET", f"/v1/incidents/{incident}")
        uptime = await desk.ask("GET", f"/api/incidents/{incident}")
        alerts = (await desk.ask("GET", f"/api/alerts/incidents/{incident}"))["incident"]
        shown = uptime["data"]["incident"]
        assert (feed["status"], shown["status"], alerts["status"]) == WORDS[case.last], case
        assert feed["severity"] == SEVERITIES[case.priority]
        assert [entry["status"] for entry in alerts["statusHistory"]] == case.history(2), case
        _same_times(desk, case, shown, uptime["data"]["recovery_time_seconds"])
        history = (await desk.ask("GET", f"/v1/incidents/{incident}/history"))["history"]
        types = Counter(fact["type"] for fact in history)
        assert types["incident.reopened"] == case.reopenings
        assert types["incident.resolved"] == [change.state for change in case.moves].count("Resolved")
    await _same_counts(desk, cases)
    _same_figures(desk, cases)


def _same_times(desk: Desk, case: Case, shown: Any, recovery_seconds: int | None) -> None:
    started_at = datetime.fromtimestamp(shown["started_at"] / 1000, UTC)
    assert timedelta() <= started_at - desk.engine_time(case.opened_at) < MINUTE
    if case.resolved_at is None:
        assert (shown["resolved_at"], recovery_seconds) == (None, None)
        return
    resolved_at = datetime.fromtimestamp(shown["resolved_at"] / 1000, UTC)
    assert timedelta() <= resolved_at - desk.engine_time(case.resolved_at) < MINUTE
    assert recovery_seconds is not None
    assert case.recovery_minutes is not None
    assert abs(recovery_seconds / 60 - case.recovery_minutes) < 1


async def _same_counts(desk: Desk, cases: list[Case]) -> None:
    for word in {words[0] for words in WORDS.values()}:
        assert (await desk.ask("GET", f"/v1/incidents?limit=1&status={word}"))["count"] == counts(cases, 0)[word]
    for word in {words[1] for words in WORDS.values()}:
        page = await desk.ask("GET", f"/api/incidents?limit=1&status={word}")
        assert page["pagination"]["total"] == counts(cases, 1)[word]
    alerts = await desk.ask("GET", "/api/alerts/incidents?limit=1")
    assert alerts["openCount"] == counts(cases, 2)["open"]


def _same_figures(desk: Desk, cases: list[Case]) -> None:
    """Compare the figures of the last 90 days, as they were in the midst of the replay."""
    known = [case.as_of(desk.figures_at) for case in cases if case.written_at <= desk.figures_at]
    resolved = [case for case in known if case.resolved_at is not None]
    assert 0 < len(resolved) < len(known) == desk.figures["totalIncidents"]
    assert desk.figures["resolvedIncidents"] == len(resolved)
    assert desk.figures["resolutionRate"] == pytest.approx(len(resolved) / len(known), abs=1e-4)
    assert desk.figures["mttr"] / 60 == pytest.approx(mean_recovery_minutes(known), abs=1)
    by_severity = Counter(SEVERITIES[case.priority] for case in known)
    assert {word: n for word, n in desk.figures["bySeverity"].items() if n} == dict(by_severity)
