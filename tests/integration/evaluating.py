"""Alert rules over a real log: nodes that evaluate them, followers that keep up, and a clock that stands still."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from commands.alert_rules import ConditionForm, CreateRule, ReplaceRule, RuleForm
from commands.samples import ReportSamples, SampleForm
from domain.alerting.events import RuleChanged, RuleCreated
from domain.event import Recorded
from domain.identity import rule_stream
from domain.incidents.events import IncidentOpened
from infra.codec import decode
from infra.postgres import Link, Pool, connect_pool
from infra.reading import Reading
from infra.rule_evaluation import RuleEvaluator
from projections.alert_rules.projector import READ_MODEL as RULES
from projections.alert_rules.queries import ListedRule, find_rule
from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from tests.integration.appending import context, decision
from tests.integration.commanding import Node, nodes_on
from tests.integration.following_stage import follower_pool, following

MORNING = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NEEDED = tuple(m for m in READ_MODELS if m.name in {"alert_rules", "alert_samples", "work_outcomes", "incident_list"})

#: How long an evaluator waits for a read model, in seconds.
PATIENCE = 2.0

OPENED = "select state from log.events where topic = 'incident.opened.v1' order by notification_id"


class PinnedClock:
    """Engine time, which passes when someone says so."""

    offset_ms = 0

    def __init__(self) -> None:
        self.time = MORNING

    def now(self) -> datetime:
        return self.time


class Watch:
    """Rules and samples, sent through the first node, and an evaluator on each."""

    def __init__(self, nodes: list[Node], reading: Reading, database: Pool) -> None:
        self.clock = PinnedClock()
        self.nodes = nodes
        self.reading = reading
        self.database = database
        for node in nodes:
            node.commands.clock = self.clock
        self.evaluators = [self.evaluator(node) for node in nodes]

    def evaluator(self, node: Node, interval: float = 60.0) -> RuleEvaluator:
        return RuleEvaluator(node.commands, self.reading, self.database, interval)

    def passes(self, **time: float) -> None:
        """Let time pass."""
        self.clock.time += timedelta(**time)

    async def watches(self, metric: str = "latency_ms", *, tenant: str = "default", **given: Any) -> str:
        """Make a rule, and return its ULID: above 100 within 15 minutes unless ``given`` says otherwise."""
        condition = ConditionForm(given.pop("operator", "gt"), given.pop("threshold", 100.0))
        form = RuleForm(name=metric, module="custom", metric=metric, condition=condition, window_minutes=15)
        command = CreateRule(msgspec.structs.replace(form, **given))
        ulid: str = (await self.nodes[0].send(command, tenant=tenant)).answer
        return ulid

    async def replaces(self, ulid: str, metric: str, *, tenant: str = "default") -> None:
        """Have a rule watch another metric."""
        form = RuleForm(metric, "", "custom", metric, ConditionForm("gt", 100.0), 15)
        await self.nodes[0].send(ReplaceRule(form), ulid, tenant=tenant)

    async def holds_unasked(self, created: RuleCreated) -> str:
        """Write a rule to the log as no command would make it, and return its ULID."""
        ulid = self.nodes[0].ids.ulid()
        await self.holds_unasked_that(ulid, 0, created)
        return ulid

    async def holds_unasked_that(self, ulid: str, expected: int, event: RuleCreated | RuleChanged) -> None:
        """Write a fact about a rule that is at version ``expected``."""
        made = decision(rule_stream(ulid), expected, event)
        await self.nodes[0].log.append(made, context(now=self.clock.now()))

    async def measures(
        self, value: float, metric: str = "latency_ms", *, tenant: str = "default", **given: Any
    ) -> None:
        """Report a sample."""
        await self.nodes[0].send(ReportSamples((SampleForm(metric=metric, value=value, **given),)), tenant=tenant)

    async def evaluates(self) -> list[IncidentOpened]:
        """Have the first evaluator do a round; return the incidents that were opened by then."""
        await self.evaluators[0].evaluate_all()
        return await self.opened()

    async def opened(self) -> list[IncidentOpened]:
        """Return the incidents of all rules, in order."""
        events = [decode("incident.opened.v1", state) for (state,) in await self.nodes[0].pool.fetch(OPENED)]
        return [event for event in events if isinstance(event, IncidentOpened) and event.rule is not None]

    async def rule(self, ulid: str, tenant: str = "default") -> ListedRule:
        """Return a rule as its owner sees it."""
        await self.reading.caught_up([RULES.name])
        rule = await find_rule(self.database, tenant, ulid)
        assert rule is not None
        return rule

    async def facts(self, ulid: str) -> list[Recorded]:
        return [*await self.nodes[0].log.read(rule_stream(ulid))]


@asynccontextmanager
async def watching(
    dsn: str, nodes: int = 1, models: Collection[ReadModel] = NEEDED, patience: float = PATIENCE
) -> AsyncIterator[Watch]:
    """Open nodes on a database, and follow its log for these read models, each waited for ``patience`` seconds."""
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(nodes_on(dsn, nodes))
        pool = await stack.enter_async_context(follower_pool(dsn))
        stage = await stack.enter_async_context(following(pool, models, bell=opened[0].log.doorbell))
        database = await connect_pool(dsn, Link(name="queries", search_path="read"))
        stack.push_async_callback(database.close)
        progress = stage.followers.progress
        reading = Reading(database, READ_MODELS, opened[0].log.doorbell, progress, patience)
        await stage.level(*(model.name for model in models))
        yield Watch(opened, reading, database)
