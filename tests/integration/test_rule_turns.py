"""Many rules: what several ask is measured once, tenants take turns, and none keeps the others waiting for long."""

import asyncio
from collections.abc import Sequence
from typing import Any

from infra.postgres import Pool
from infra.rule_evaluation import Patience, RuleEvaluator
from projections.alert_samples.queries import MOST_SAMPLES
from tests.integration.evaluating import Watch, watching

#: How long a question about a heavy metric takes, and how long the rules of a tenant may take, in seconds.
HEAVY, ALLOWED = 0.2, 0.5
TOO_LONG = "the rules of its tenant take more than 0.5 seconds: it is not evaluated in each round"


class Questions:
    """The database of the evaluator: notes what is asked about samples, and takes its time for heavy metrics."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.asked: list[tuple[str, str]] = []

    async def execute(self, query: str, /, *args: Any) -> str:
        return await self._pool.execute(query, *args)

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Any]:
        return await self._pool.fetch(query, *args)

    async def fetchval(self, query: str, /, *args: Any) -> Any:
        return await self._pool.fetchval(query, *args)

    async def fetchrow(self, query: str, /, *args: Any) -> Any:
        if MOST_SAMPLES + 1 in args:
            self.asked.append((args[0], args[1]))
            if args[1].startswith("heavy"):
                await asyncio.sleep(HEAVY)
        return await self._pool.fetchrow(query, *args)


class Rounds:
    """An evaluator, and what it asks in each round."""

    def __init__(self, watch: Watch) -> None:
        self._questions = Questions(watch.database)
        patience = Patience(of_tenant=ALLOWED)
        commands = watch.nodes[0].commands
        self._evaluator = RuleEvaluator(commands, watch.reading, self._questions, 60.0, patience)

    async def next(self) -> list[tuple[str, str]]:
        """Do a round; return tenants and metrics in the order in which they were asked for."""
        self._questions.asked.clear()
        await self._evaluator.evaluate_all()
        return [*self._questions.asked]


async def test_rules_that_ask_the_same_are_answered_at_once(database: str) -> None:
    async with watching(database) as watch:
        for threshold in (1.0, 2.0, 1000.0):
            await watch.watches(threshold=threshold, scope={"modelKey": "large"})
        await watch.measures(350.0, scope={"modelKey": "large"})
        rounds = Rounds(watch)
        assert await rounds.next() == [("default", "latency_ms")]
        assert len(await watch.opened()) == 2
        watch.passes(hours=1)
        assert len(await rounds.next()) == 1


async def test_rules_that_differ_in_metric_window_scope_or_tenant_are_measured_each(database: str) -> None:
    async with watching(database) as watch:
        await watch.watches()
        await watch.watches(window_minutes=5)
        await watch.watches(scope={"modelKey": "large"})
        await watch.watches(metric="another")
        await watch.watches(tenant="rival")
        asked = await Rounds(watch).next()
        assert sorted(asked) == [("default", "another"), *[("default", "latency_ms")] * 3, ("rival", "latency_ms")]


async def test_each_rule_leaves_out_the_incidents_of_its_own(database: str) -> None:
    async with watching(database) as watch:
        rule: dict[str, Any] = {"module": "process", "operator": "gte", "threshold": 0.0}
        await watch.watches(metric="open_incident_count", cooldown_minutes=0, **rule)
        await watch.watches(metric="open_incident_count", cooldown_minutes=60, **rule)
        for _ in range(2):
            await watch.evaluates()
        watch.passes(hours=1)
        opened = await watch.evaluates()
        assert [event.rule and event.rule.actual for event in opened] == [0.0, 0.0, 1.0, 1.0, 2.0]


async def test_every_tenant_is_the_first_one_in_its_turn(database: str) -> None:
    async with watching(database) as watch:
        tenants = ["acme", "beta", "default"]
        for tenant in tenants:
            await watch.watches(tenant=tenant)
        rounds = Rounds(watch)
        seen = [[tenant for tenant, _ in await rounds.next()] for _ in range(4)]
        assert seen == [tenants, ["beta", "default", "acme"], ["default", "acme", "beta"], tenants]


async def test_a_tenant_whose_rules_take_long_leaves_time_for_the_others_and_goes_on_where_it_was(
    database: str,
) -> None:
    async with watching(database) as watch:
        rules = {f"heavy_{n}": await watch.watches(metric=f"heavy_{n}", tenant="acme") for n in range(7)}
        await watch.watches(tenant="beta")
        rounds = Rounds(watch)
        asked = [await rounds.next() for _ in range(3)]
        assert all(("beta", "latency_ms") in of_round for of_round in asked)
        heavy = [metric for of_round in asked for tenant, metric in of_round if tenant == "acme"]
        assert len(heavy) == 9
        assert heavy[:7] == list(rules)


async def test_rules_that_time_does_not_suffice_for_say_so_until_it_does(database: str) -> None:
    async with watching(database) as watch:
        rules = [await watch.watches(metric=f"heavy_{n}", tenant="acme") for n in range(5)]
        light = await watch.watches()
        rounds = Rounds(watch)
        await rounds.next()
        errors = [(await watch.rule(rule, "acme")).last_error for rule in rules]
        assert errors == [None] * 3 + [TOO_LONG] * 2
        for _ in range(4):
            await rounds.next()
        assert [len(await watch.facts(rule)) for rule in rules] == [2] * 5
        assert (await watch.rule(light)).last_error is None
        for rule in rules[:4]:
            await watch.replaces(rule, "light", tenant="acme")
        await rounds.next()
        await rounds.next()
        assert {(await watch.rule(rule, "acme")).last_error for rule in rules} == {None}
