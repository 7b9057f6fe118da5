"""The role of the rules: evaluates the alert rules of all tenants, on one node at a time (incidents.md 0.5 no. 2, 4.6).

A round takes them one after another. Whether a rule fires is decided anew on its stream, in the append that opens the
incident, so it does not matter who evaluates, nor how many do. A rule that cannot be evaluated says so in its
``last_error``, in the log and in a metric; the others go on.
"""

import asyncio
from datetime import datetime

import structlog
from prometheus_client import Counter, Gauge

from commands.alert_rules import FireRule, TellEvaluation
from commands.handling import Asker, Commands
from domain.alerting.evaluating import evaluate
from domain.alerting.rule import cooling_down
from domain.event import Actor
from domain.identity import rule_stream
from domain.rejection import NotFound, Rejection, Unavailable
from infra.outages import passes
from infra.reading import ReadModelBehind
from infra.rule_measures import Levels, Question, Readings, measured
from projections.alert_rules.projector import READ_MODEL as RULES
from projections.alert_rules.queries import ListedRule, enabled_rules
from projections.alert_samples.queries import TooManySamples
from projections.database import Database

#: The lease under which one node evaluates.
LEASE = "rules"

#: Seconds from the start to the first round, and from one that met an outage to the next; less where rounds are closer.
FIRST_AFTER = 1.0
AGAIN_AFTER = 1.0

#: Rules that are read at once.
STRETCH = 500

#: A place in the order of rules.
BEFORE_ALL = ("", "")

#: Rules in a row that met an outage of the database, after which the round is given up: it is no fault of theirs,
#: unless the database answers other questions.
MOST_OUTAGES = 3

EVALUATIONS = Counter("annals_rule_evaluations", "Alert rules evaluated, by what came of it.", ["outcome"])
FAILING = Gauge("annals_rules_failing", "Alert rules that could not be evaluated in the last round.")

log = structlog.get_logger(__name__)


class RuleEvaluator:
    """Evaluates rules every ``interval`` seconds; ``database`` is where read models are asked."""

    def __init__(self, commands: Commands, readings: Readings, database: Database, interval: float) -> None:
        self._commands = commands
        self._readings = readings
        self._database = database
        self._interval = interval
        self._outages = 0
        self._failing = 0

    async def run(self) -> None:
        """Evaluate until cancelled. An outage is waited out: what is sent meanwhile counts in the next round."""
        await asyncio.sleep(min(FIRST_AFTER, self._interval))
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self.evaluate_all()
            except Exception as error:
                if not (isinstance(error, Unavailable) or passes(error)):
                    raise
                log.warning("alert rules wait for the database", error=repr(error))
                await asyncio.sleep(min(AGAIN_AFTER, self._interval))
            else:
                took = asyncio.get_running_loop().time() - began
                await asyncio.sleep(max(0.0, self._interval - took))

    async def evaluate_all(self) -> None:
        """Evaluate the enabled rules of all tenants, as of now, one after another."""
        at, levels = self._commands.clock.now(), Levels(self._readings)
        self._outages = self._failing = 0
        await levels.reach(RULES)
        after = BEFORE_ALL
        while rules := await enabled_rules(self._database, after, STRETCH):
            for rule in rules:
                await self._take(rule, at, levels)
            after = (rules[-1].tenant, rules[-1].rule)
        FAILING.set(self._failing)

    async def _take(self, rule: ListedRule, at: datetime, levels: Levels) -> None:
        """Evaluate a rule, unless it cools down; tell when it cannot be, or can be again."""
        if cooling_down(rule.last_fired_at, rule.cooldown_minutes, at):
            EVALUATIONS.labels("cooling_down").inc()
            return
        try:
            outcome = await self._evaluate(rule, at, levels)
            await self._tell(rule, "")
        except NotFound:
            outcome = "deleted"
        except Exception as error:  # noqa: BLE001  (whatever it is, the other rules have nothing to do with it)
            await self._failed(rule, error)
            outcome = "failed"
        else:
            self._outages = 0
        EVALUATIONS.labels(outcome).inc()

    async def _evaluate(self, rule: ListedRule, at: datetime, levels: Levels) -> str:
        """Measure, compare, and fire on a breach; say what came of it."""
        measurement = await measured(Question(self._database, rule, at), levels)
        if measurement is None:
            return "without_samples"
        if evaluate(rule.terms, measurement) is None:
            return "quiet"
        outcome = await self._commands.send(FireRule(rule.version, *measurement), _asker(rule), rule.rule)
        if outcome.answer is None:
            return "overtaken"
        log.info("an alert rule fired", rule=rule.rule, tenant=rule.tenant, incident=outcome.answer)
        return "fired"

    async def _failed(self, rule: ListedRule, error: Exception) -> None:
        """Show that a rule could not be evaluated; raise the error when the database seems to be gone."""
        self._failing += 1
        self._outages = self._outages + 1 if _is_outage(error) else 0
        if self._outages >= MOST_OUTAGES and not await self._answers():
            raise error
        log.error("an alert rule could not be evaluated", rule=rule.rule, tenant=rule.tenant, exc_info=error)
        try:
            await self._tell(rule, reason_of(error))
        except Rejection as refused:
            log.warning("nobody can be told", rule=rule.rule, tenant=rule.tenant, reason=refused.detail)

    async def _answers(self) -> bool:
        """Tell whether the database answers what is easy: then it is the rules that ask too much of it."""
        try:
            await enabled_rules(self._database, BEFORE_ALL, 1)
        except Exception as error:
            if not _is_outage(error):
                raise
            return False
        return True

    async def _tell(self, rule: ListedRule, error: str) -> None:
        if error != (rule.last_error or ""):
            await self._commands.send(TellEvaluation(error), _asker(rule), rule.rule)


def reason_of(error: Exception) -> str:
    """Say why a rule could not be evaluated, in the same words each time; its owner need not know our insides."""
    match error:
        case ReadModelBehind():
            return f"read model {error.read_model} is behind"
        case TooManySamples():
            return str(error)
        case _:
            return f"its metric could not be measured ({type(error).__name__})"


def _is_outage(error: Exception) -> bool:
    if isinstance(error, ReadModelBehind):
        return False
    return isinstance(error, Unavailable) or passes(error)


def _asker(rule: ListedRule) -> Asker:
    return Asker(rule.tenant, Actor("rule", "system"), causation_id=f"{rule_stream(rule.rule)}/{rule.version}")
