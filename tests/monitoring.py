"""Stories about checks: what probes report, which incidents that opens and ends, what people do in between.

Results are told as words: ``eu:timeout us:ok`` is a time-out seen from eu and a success seen from us.
"""

from datetime import datetime
from typing import Any

from commands.check_results import ReportedResult, ReportResults, ResultsAnswer
from commands.checks import ChangeCheck, CreateCheck, DeleteCheck
from commands.incident_moves import MoveIncident
from domain.event import Event, Recorded
from domain.identity import check_stream, incident_stream
from domain.incidents.dialects import DialectName
from domain.incidents.events import IncidentOpened
from domain.incidents.incident import Incident
from domain.monitoring.check import Check
from domain.monitoring.events import CheckSettings
from tests.story import Stage

SHOP = CheckSettings("Shop", "http", "https://shop.example.org/")


class Monitored:
    """A check, from its creation."""

    def __init__(self, settings: CheckSettings = SHOP, stage: Stage | None = None) -> None:
        self.stage = stage or Stage()
        self.ulid: str = self.stage.send(CreateCheck(settings))

    def hears(self, results: str, **given: Any) -> ResultsAnswer:
        """Report results together; ``given`` are further members of each."""
        return self.hears_of(*told(results, **given))

    def hears_of(self, *results: ReportedResult, by: str = "prober") -> ResultsAnswer:
        answer: ResultsAnswer = self.stage.send(ReportResults(results), self.ulid, by)
        return answer

    def hears_each(self, results: str, **given: Any) -> list[ResultsAnswer]:
        """Report results one by one."""
        return [self.hears_of(result) for result in told(results, **given)]

    def changes(self, *, paused: bool | None = None, **settings: Any) -> "Monitored":
        self.stage.send(ChangeCheck(settings, paused), self.ulid)
        return self

    def is_deleted(self) -> "Monitored":
        self.stage.send(DeleteCheck(), self.ulid)
        return self

    def moves(self, incident: str, status: str, dialect: DialectName = "uptime") -> "Monitored":
        """Have a person move an incident."""
        self.stage.send(MoveIncident(dialect, status), incident, "person")
        return self

    @property
    def state(self) -> Check:
        state: Check = self.stage.log.states[check_stream(self.ulid)]
        return state

    @property
    def facts(self) -> list[Event]:
        return [fact.event for fact in self.stage.log.streams[check_stream(self.ulid)]]

    @property
    def incidents(self) -> list[str]:
        """Every incident that was ever opened, by ULID, in order."""
        return [
            fact.stream.removeprefix("incident-")
            for fact in self.stage.log.facts
            if isinstance(fact.event, IncidentOpened)
        ]

    @property
    def only_incident(self) -> str:
        (incident,) = self.incidents
        return incident

    def incident(self, ulid: str) -> Incident:
        state: Incident = self.stage.log.states[incident_stream(ulid)]
        return state

    def recorded(self, ulid: str) -> list[Recorded]:
        """Return what happened to an incident."""
        return self.stage.log.streams[incident_stream(ulid)]

    def opened(self, ulid: str) -> IncidentOpened:
        event = self.recorded(ulid)[0].event
        assert isinstance(event, IncidentOpened)
        return event


def told(results: str, *, message: str = "", at: datetime | None = None) -> list[ReportedResult]:
    """Read results from words."""
    return [_result(word, message, at) for word in results.split()]


def _result(word: str, message: str, at: datetime | None) -> ReportedResult:
    region, what = word.split(":")
    return ReportedResult(region, what == "ok", None if what == "ok" else what, message, observed_at=at)
