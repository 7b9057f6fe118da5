"""Measuring what alert rules watch: samples that were sent in, and built-in metrics (docs/alerting.md).

Numbers come from read models and decision tables, what they come to from ``domain.alerting.measuring``.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from domain.alerting.evaluating import Measurement
from domain.alerting.measuring import Window, count, percentile, rate, window_before
from domain.alerting.metrics import PROCESS
from infra.reading import ReadModelBehind
from projections.alert_rules.queries import ListedRule
from projections.alert_samples.projector import READ_MODEL as SAMPLES
from projections.alert_samples.queries import measured_samples
from projections.database import Database
from projections.incident_list.measures import process_incidents, unresolved_incidents
from projections.incident_list.projector import READ_MODEL as INCIDENTS
from projections.read_model import ReadModel
from projections.work_outcomes.projector import READ_MODEL as WORK
from projections.work_outcomes.queries import backlog, durations, job_outcomes


class Readings(Protocol):
    """Waiting for read models."""

    async def caught_up(self, models: list[str]) -> int:
        """Return once the read models reflect what was appended before; raise ``ReadModelBehind`` in time."""


class Levels:
    """Which read models are level with the log, for a round of evaluations: each is waited for once."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._behind: dict[str, ReadModelBehind | None] = {}

    @property
    def behind(self) -> list[str]:
        """The read models that were found not to get there."""
        return [name for name, behind in self._behind.items() if behind is not None]

    async def reach(self, model: ReadModel) -> None:
        """Return once it is level; raise ``ReadModelBehind`` when it was found not to get there."""
        if model.name not in self._behind:
            try:
                await self._readings.caught_up([model.name])
            except ReadModelBehind as behind:
                self._behind[model.name] = behind
            else:
                self._behind[model.name] = None
        if (known := self._behind[model.name]) is not None:
            raise known


class Question(NamedTuple):
    """What a rule watches, and when it is asked for (engine time)."""

    database: Database
    rule: ListedRule
    at: datetime

    @property
    def window(self) -> Window:
        return window_before(self.at, self.rule.window_minutes)


class Source(NamedTuple):
    """How a metric is measured, the read model that this rests on, and whether it is another one for each rule."""

    model: ReadModel
    measure: Callable[[Question], Awaitable[Measurement | None]]
    of_each_rule: bool = False


class Measuring:
    """Measures what the rules of one tenant watch, at one moment: those that ask the same are answered at once."""

    def __init__(self, database: Database, levels: Levels, at: datetime) -> None:
        self._database = database
        self._levels = levels
        self._at = at
        self._known: dict[Hashable, Measurement | None] = {}

    async def reach(self, rule: ListedRule) -> None:
        """Return once what the rule rests on is level with the log; raise ``ReadModelBehind`` when it is not."""
        await self._levels.reach(_source(rule).model)

    async def measure(self, rule: ListedRule) -> Measurement | None:
        """Measure what a rule watches; None where nothing was sent."""
        source = _source(rule)
        own = rule.rule if source.of_each_rule else ""
        asked = (rule.module == PROCESS, rule.metric, rule.window_minutes, frozenset(rule.scope.items()), own)
        if asked not in self._known:
            self._known[asked] = await source.measure(Question(self._database, rule, self._at))
        return self._known[asked]


def _source(rule: ListedRule) -> Source:
    return BUILT_IN[rule.metric] if rule.module == PROCESS else SENT


async def _samples(question: Question) -> Measurement | None:
    database, rule, _ = question
    return await measured_samples(database, rule.tenant, rule.metric, question.window, rule.scope)


async def _job_error_rate(question: Question) -> Measurement | None:
    database, rule, _ = question
    return rate(*await job_outcomes(database, rule.tenant, question.window, rule.scope))


async def _process_incident_count(question: Question) -> Measurement:
    database, rule, _ = question
    return count(await process_incidents(database, rule.tenant, question.window, rule.scope))


async def _open_incident_count(question: Question) -> Measurement:
    database, rule, _ = question
    return count(await unresolved_incidents(database, rule.tenant, rule.scope, without_rule=rule.rule))


async def _job_backlog_count(question: Question) -> Measurement:
    database, rule, at = question
    jobs, _ = await backlog(database, rule.tenant, at, rule.scope)
    return count(jobs)


async def _job_backlog_age_seconds(question: Question) -> Measurement:
    database, rule, at = question
    jobs, since = await backlog(database, rule.tenant, at, rule.scope)
    return Measurement((at - since).total_seconds() if since is not None else 0.0, jobs)


async def _instance_duration_p95_ms(question: Question) -> Measurement | None:
    database, rule, _ = question
    return percentile(await durations(database, rule.tenant, question.window, rule.scope))


SENT = Source(SAMPLES, _samples)

BUILT_IN: Mapping[str, Source] = {
    "job_error_rate": Source(WORK, _job_error_rate),
    "process_incident_count": Source(INCIDENTS, _process_incident_count),
    "open_incident_count": Source(INCIDENTS, _open_incident_count, of_each_rule=True),
    "job_backlog_count": Source(WORK, _job_backlog_count),
    "job_backlog_age_seconds": Source(WORK, _job_backlog_age_seconds),
    "instance_duration_p95_ms": Source(WORK, _instance_duration_p95_ms),
}
