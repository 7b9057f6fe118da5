"""The role of the rules: evaluates the alert rules of all tenants, on one node at a time (incidents.md 0.5 no. 2, 4.6).

A round takes them one after another. Whether a rule fires is decided anew on its stream, in the append that opens the
incident, so it does not matter who evaluates, nor how many do. A rule that cannot be evaluated says so in its
``last_error``, in the log and in a metric; the others go on. That a read model is behind is told in the log and in a
metric, and to the owners of rules only when it lasts.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from prometheus_client import Counter, Gauge

from commands.alert_rules import FireRule, TellEvaluation
from commands.handling import Asker, Commands
from domain.alerting.evaluating import evaluate
from domain.alerting.rule import cooling_down
from domain.event import Actor
from domain.identity import rule_stream
from domain.rejection import NotFound, Rejection, Unavailable
from infra.codec import UnreadableFact
from infra.leases import GiveWay, go_on
from infra.outages import passes
from infra.reading import ReadModelBehind
from infra.rule_measures import Levels, Measuring, Readings
from infra.rule_turns import BEFORE_ALL, Allowance, Turns
from projections.alert_rules.projector import READ_MODEL as RULES
from projections.alert_rules.queries import ListedRule, enabled_rules
from projections.alert_samples.queries import TooManySamples
from projections.database import Database

#: The lease under which one node evaluates.
LEASE = "rules"

#: Seconds from the start to the first round, and from one that met an outage to the next; less where rounds are closer.
FIRST_AFTER = 1.0
AGAIN_AFTER = 1.0

#: Rules in a row that met an outage of the database, after which the round is given up: it is no fault of theirs,
#: unless the database answers other questions.
MOST_OUTAGES = 3

EVALUATIONS = Counter("annals_rule_evaluations", "Alert rules evaluated, by what came of it.", ["outcome"])
FAILING = Gauge("annals_rules_failing", "Alert rules that could not be evaluated in the last round.")

log = structlog.get_logger(__name__)


class Patience(NamedTuple):
    """Seconds: how long a tenant's rules may take in a round, and how long a read model may be behind, untold."""

    of_tenant: float = 10.0
    of_read_model: float = 300.0


PATIENCE = Patience()


class Round(NamedTuple):
    """A round for one tenant: when it began (engine time), what is measured then, and the time left for it."""

    at: datetime
    measuring: Measuring
    allowance: Allowance


class RuleEvaluator:
    """Evaluates rules every ``interval`` seconds; ``database`` is where read models are asked."""

    def __init__(
        self,
        commands: Commands,
        readings: Readings,
        database: Database,
        interval: float,
        patience: Patience = PATIENCE,
    ) -> None:
        self._commands = commands
        self._readings = readings
        self._database = database
        self._interval = interval
        self._patience = patience
        self._turns = Turns()
        self._behind_since: dict[str, float] = {}
        self._outages = 0
        self._failing = 0
        self._unreadable: list[Exception] = []

    async def run(self, goes_on: Callable[[], None] = lambda: None, give_way: GiveWay = go_on) -> None:
        """Evaluate until cancelled, and say so after each round.

        An outage is waited out: what is sent meanwhile counts in the next round.
        """
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
                goes_on()
                for unreadable in self._unreadable:
                    await give_way(unreadable)
                took = asyncio.get_running_loop().time() - began
                await asyncio.sleep(max(0.0, self._interval - took))

    async def evaluate_all(self) -> None:
        """Evaluate the enabled rules of all tenants, as of now, one after another."""
        at, levels = self._commands.clock.now(), Levels(self._readings)
        self._outages = self._failing = 0
        self._unreadable.clear()
        await levels.reach(RULES)
        async for rules in self._turns.round(self._database):
            measuring = Measuring(self._database, levels, at)
            await self._take_all(rules, Round(at, measuring, Allowance(self._patience.of_tenant)))
        self._behind_since = {name: since for name, since in self._behind_since.items() if name in levels.behind}
        FAILING.set(self._failing)

    async def _take_all(self, rules: Sequence[ListedRule], of: Round) -> None:
        """Evaluate the rules of a tenant as far as its allowance suffices, but one at least."""
        for number, rule in enumerate(rules):
            if of.allowance.is_spent:
                await self._put_off(rules[number:], of.at)
                return
            await self._take(rule, of)
        self._turns.suffice(rules[0].tenant)

    async def _put_off(self, rules: Sequence[ListedRule], at: datetime) -> None:
        """Leave rules for the next round, and tell their owner."""
        log.warning("the rules of a tenant take too long", tenant=rules[0].tenant, put_off=len(rules))
        self._turns.stop(rules)
        for rule in rules:
            if not cooling_down(rule.last_fired_at, rule.cooldown_minutes, at):
                self._failing += 1
                EVALUATIONS.labels("put_off").inc()
                await self._tell_failure(rule, self._too_long)

    async def _take(self, rule: ListedRule, of: Round) -> None:
        """Evaluate a rule, unless it cools down; tell when it cannot be, or can be again."""
        if cooling_down(rule.last_fired_at, rule.cooldown_minutes, of.at):
            EVALUATIONS.labels("cooling_down").inc()
            return
        try:
            await of.measuring.reach(rule)
            with of.allowance.spending():
                outcome = await self._evaluate(rule, of.measuring)
                await self._tell_success(rule)
        except NotFound:
            outcome = "deleted"
        except ReadModelBehind as behind:
            await self._wait_for(behind, rule)
            outcome = "behind"
        except Exception as error:  # noqa: BLE001  (whatever it is, the other rules have nothing to do with it)
            await self._failed(rule, error)
            outcome = "failed"
        else:
            self._outages = 0
        EVALUATIONS.labels(outcome).inc()

    async def _evaluate(self, rule: ListedRule, measuring: Measuring) -> str:
        """Measure, compare, and fire on a breach; say what came of it."""
        measurement = await measuring.measure(rule)
        if measurement is None:
            return "without_samples"
        if evaluate(rule.terms, measurement) is None:
            return "quiet"
        outcome = await self._commands.send(FireRule(rule.version, *measurement), _asker(rule), rule.rule)
        if outcome.answer is None:
            return "overtaken"
        log.info("an alert rule fired", rule=rule.rule, tenant=rule.tenant, incident=outcome.answer)
        return "fired"

    async def _wait_for(self, behind: ReadModelBehind, rule: ListedRule) -> None:
        """Leave a rule for a round in which its read model is level; tell its owner when that takes long."""
        self._failing += 1
        now = asyncio.get_running_loop().time()
        if behind.read_model not in self._behind_since:
            self._behind_since[behind.read_model] = now
            log.warning("alert rules wait for a read model", read_model=behind.read_model, reason=behind.detail)
        if now - self._behind_since[behind.read_model] >= self._patience.of_read_model:
            await self._tell_failure(rule, reason_of(behind))

    async def _failed(self, rule: ListedRule, error: Exception) -> None:
        """Show that a rule could not be evaluated; raise the error when the database seems to be gone."""
        self._failing += 1
        self._outages = self._outages + 1 if _is_outage(error) else 0
        if self._outages >= MOST_OUTAGES and not await self._answers():
            raise error
        if isinstance(error, UnreadableFact):
            self._unreadable.append(error)
        log.error("an alert rule could not be evaluated", rule=rule.rule, tenant=rule.tenant, exc_info=error)
        await self._tell_failure(rule, reason_of(error))

    async def _answers(self) -> bool:
        """Tell whether the database answers what is easy: then it is the rules that ask too much of it."""
        try:
            await enabled_rules(self._database, BEFORE_ALL, 1)
        except Exception as error:
            if not _is_outage(error):
                raise
            return False
        return True

    async def _tell_failure(self, rule: ListedRule, error: str) -> None:
        try:
            await self._tell(rule, error)
        except (Rejection, UnreadableFact) as refused:
            log.warning("nobody can be told", rule=rule.rule, tenant=rule.tenant, reason=str(refused))

    async def _tell_success(self, rule: ListedRule) -> None:
        """Tell that a rule could be evaluated again, but of one that is only every other round."""
        if rule.last_error != self._too_long or not self._turns.exceeds(rule.tenant):
            await self._tell(rule, "")

    @property
    def _too_long(self) -> str:
        return (
            f"the rules of its tenant take more than {self._patience.of_tenant:g} seconds: "
            "it is not evaluated in each round"
        )

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
