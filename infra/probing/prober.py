"""Probes every tenant's checks when they are due, and reports what it finds as anybody else would."""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import structlog
from prometheus_client import Counter

from commands.check_results import ReportedResult, ReportResults
from commands.handling import Asker, Commands
from domain.event import Actor
from domain.rejection import InvalidState, NotFound, Unavailable
from infra.codec import UnreadableFact
from infra.leases import GiveWay, LeaseLost, go_on
from infra.outages import passes
from infra.probing.outcomes import Outcome
from infra.probing.probes import Probes, opened_probes
from infra.probing.schedule import Schedule
from infra.probing.standstills import Standstills
from infra.reading import Reading
from projections.checks.projector import READ_MODEL as CHECKS
from projections.checks.queries import ProbedCheck, news_of_checks
from projections.database import Database

#: The leases under which one node probes from a region begin so.
LEASE = "prober"

#: Probes at once in all, and of one tenant: one with many slow targets does not keep the others waiting.
MOST_AT_ONCE = 50
MOST_OF_A_TENANT = 10

#: Seconds from one look at the checks to the next, and from one look at the schedule to the next.
LOOK_EVERY = 5.0
TICK = 0.2

#: Checks of which news is read at once.
PAGE = 1_000

#: How often a check that failed is probed again, and after how many seconds (contracts/incidents.md 3.5).
RETRIES = 2
RETRY_AFTER = 1.0

PROBES = Counter("annals_probes", "Probes of checks, by what they found.", ["outcome"])

log = structlog.get_logger(__name__)


class Outlook(NamedTuple):
    """From where is probed, by which clock on the wall, and what may be.

    ``allow_special`` lets probes reach addresses that are not public; ``trust`` overrides which certificates are valid.
    """

    region: str
    wall: Callable[[], datetime]
    allow_special: bool = False
    trust: ssl.SSLContext | None = None


class Prober:
    """Probes the checks of all tenants from one region; one prober a region is enough, and more would count double."""

    def __init__(self, commands: Commands, readings: Reading, database: Database, outlook: Outlook) -> None:
        self._commands = commands
        self._readings = readings
        self._database = database
        self._outlook = outlook
        self._schedule = Schedule()
        self._standstills = Standstills(TICK, _now)
        self._heard_to = 0
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)
        self._of_tenant: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(MOST_OF_A_TENANT))
        self._under_way: set[str] = set()
        self._unreadable: list[UnreadableFact] = []

    async def run(self, goes_on: Callable[[], None] = lambda: None, give_way: GiveWay = go_on) -> None:
        """Probe until cancelled, and say so at each look at the checks. An outage of the database is waited out.

        ``give_way`` is told when a check cannot be read; raise what it raises.
        """
        try:
            await self._probe(goes_on, give_way)
        except ExceptionGroup as errors:
            lost, others = errors.split(LeaseLost)
            if lost is None or others is not None:
                raise
            raise lost.exceptions[0] from None

    async def _probe(self, goes_on: Callable[[], None], give_way: GiveWay) -> None:
        outlook = self._outlook
        async with (
            opened_probes(outlook.wall, allow_special=outlook.allow_special, trust=outlook.trust) as probes,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._look_at_checks(probes, goes_on))
            while True:
                self._standstills.beat()
                for check in self._schedule.take(_now()):
                    if check.check_id not in self._under_way:
                        self._under_way.add(check.check_id)
                        group.create_task(self._follow(probes, check))
                while self._unreadable:
                    await give_way(self._unreadable.pop())
                await asyncio.sleep(TICK)

    async def _look_at_checks(self, probes: Probes, goes_on: Callable[[], None]) -> None:
        while True:
            try:
                await self._readings.caught_up((CHECKS.name,))
                await self._hear_news(probes)
                goes_on()
            except Exception as error:
                if not _is_outage(error):
                    raise
                log.warning("checks cannot be read", error=repr(error))
            await asyncio.sleep(LOOK_EVERY)

    async def _hear_news(self, probes: Probes) -> None:
        """Take up what has become of checks since the last look, at first of all of them."""
        region = self._outlook.region
        while page := await news_of_checks(self._database, region, probes.types, after=self._heard_to, limit=PAGE):
            for news in page:
                if news.probed is None:
                    self._schedule.forget(news.check_id)
                else:
                    self._schedule.put(news.probed, _now())
            self._heard_to = page[-1].position

    async def _follow(self, probes: Probes, check: ProbedCheck) -> None:
        """Probe a check, again soon while it fails, and report each time; whatever comes of it, the others go on."""
        try:
            for retries_left in reversed(range(RETRIES + 1)):
                outcome = await self._probed(probes, check)
                if outcome is None or not await self._reported(check, outcome) or outcome.type is None:
                    return
                if retries_left:
                    await asyncio.sleep(RETRY_AFTER)
        except Exception as error:
            log.exception("a probe failed", check=check.check_id, tenant=check.tenant)
            if isinstance(error, UnreadableFact):
                self._unreadable.append(error)
        finally:
            self._under_way.discard(check.check_id)

    async def _probed(self, probes: Probes, check: ProbedCheck) -> Outcome | None:
        """Probe; None when that says nothing of the target, because we have stood still meanwhile."""
        async with self._of_tenant[check.tenant], self._at_once:
            began = _now()
            outcome = await probes.probe(check.settings)
        if self._standstills.any_since(began):
            log.warning("a probe counts for nothing, this process stood still", check=check.check_id)
            PROBES.labels("stood_still").inc()
            return None
        PROBES.labels(outcome.type or "well").inc()
        return outcome

    async def _reported(self, check: ProbedCheck, outcome: Outcome) -> bool:
        """Report an outcome; tell whether the check still wants to hear.

        It was observed now, and says so: should we stand still before it is appended, it may come too late to count.
        """
        region, now = self._outlook.region, self._commands.clock.now()
        result = ReportedResult(region, outcome.type is None, outcome.type, outcome.message, outcome.latency_ms, now)
        asker = Asker(check.tenant, Actor("monitor", region), region)
        try:
            await self._commands.send(ReportResults((result,)), asker, check.check_id)
        except (NotFound, InvalidState):
            return False  # deleted or paused meanwhile
        except Exception as error:
            if not _is_outage(error):
                raise
            log.warning("a result cannot be reported", check=check.check_id, error=repr(error))
        return True


def _is_outage(error: Exception) -> bool:
    return isinstance(error, Unavailable) or passes(error)


def _now() -> float:
    return asyncio.get_running_loop().time()
