"""Whenever a metric breaks a rule, an incident is opened: once, by whoever evaluates, and after each cooldown anew."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from commands.alert_rules import ConditionForm, DeleteRule, EnableRule, ReplaceRule, RuleForm
from commands.incident_moves import MoveIncident
from domain.alerting.events import RuleChanged, RuleCreated, RuleFired, Terms
from domain.event import Actor
from domain.rejection import Unavailable
from infra.leases import Held, Lease, Work
from infra.postgres import Link, connect_pool
from infra.rule_evaluation import LEASE, Patience, RuleEvaluator
from tests.integration.evaluating import MORNING, NEEDED, watching
from tests.integration.following_stage import follower_pool

CHANGED = RuleForm(
    name="slow", module="custom", metric="latency_ms", condition=ConditionForm("gt", 1000.0), window_minutes=15
)
NONSENSE = Terms(
    name="gone",
    module="process",
    metric="a_metric_of_the_past",
    operator="gt",
    threshold=1.0,
    window_minutes=5,
    cooldown_minutes=60,
    channels="[]",
)


def _running(evaluator: RuleEvaluator, began: list[RuleEvaluator]) -> Work:
    async def work(_held: Held) -> None:
        began.append(evaluator)
        await evaluator.run()

    return work


def told(opened: list[Any]) -> list[tuple[str, float]]:
    """Return the metrics of the incidents' rules, and their values."""
    return [(event.rule.metric, event.rule.actual) for event in opened]


async def test_a_breach_opens_an_incident_that_says_what_was_measured(database: str) -> None:
    async with watching(database) as watch:
        rule = await watch.watches(scope={"modelKey": "large"})
        await watch.measures(350.0, scope={"modelKey": "large"})
        await watch.measures(9000.0, scope={"modelKey": "small"})
        (opened,) = await watch.evaluates()
        assert opened.rule is not None
        assert (opened.rule.rule_id, opened.rule.actual, opened.rule.sample_count) == (rule, 350.0, 1)
        assert (opened.severity, opened.title) == (4, "latency_ms: latency_ms gt 100")
        seen = await watch.rule(rule)
        assert (seen.last_fired_at, seen.last_error) == (watch.clock.now(), None)
        fired = (await watch.facts(rule))[-1]
        assert isinstance(fired.event, RuleFired)
        assert (fired.event.incident, fired.actor) == (seen.last_incident, Actor("rule", "system"))
        assert fired.causation_id == f"rule-{rule}/1"


async def test_a_breach_that_lasts_opens_an_incident_after_each_cooldown(database: str) -> None:
    async with watching(database) as watch:
        rule = await watch.watches(cooldown_minutes=60)
        before: str | None = None
        for hour in range(3):
            for minute in (0, 1, 30, 59):
                watch.clock.time = MORNING + timedelta(hours=hour, minutes=minute)
                await watch.measures(350.0)
                opened = await watch.evaluates()
                assert len(opened) == hour + 1, (hour, minute)
            assert opened[-1].previous_incident == (before or "")
            before = (await watch.rule(rule)).last_incident


async def test_an_incident_of_a_rule_is_not_resolved_by_itself(database: str) -> None:
    async with watching(database) as watch:
        rule = await watch.watches(metric="open_incident_count", module="process", operator="lt", threshold=1.0)
        await watch.watches()
        await watch.measures(350.0)
        await watch.evaluates()
        watch.passes(hours=2)
        assert len(await watch.evaluates()) == 2
        incident = (await watch.rule(rule)).last_incident
        await watch.nodes[0].send(MoveIncident("alerts", "acknowledged"), incident)


async def test_a_rule_without_samples_in_its_window_stays_silent(database: str) -> None:
    async with watching(database) as watch:
        for operator in ("lt", "lte", "eq", "gt"):
            await watch.watches(operator=operator, threshold=0.0)
        await watch.measures(-1.0, metric="another")
        await watch.measures(-1.0, tenant="rival")
        await watch.measures(-1.0, time=(MORNING - timedelta(minutes=15, milliseconds=1)).isoformat())
        assert await watch.evaluates() == []


async def test_a_rule_sees_every_sample_in_its_window_from_edge_to_edge(database: str) -> None:
    async with watching(database) as watch:
        rule = await watch.watches(metric="total_cost")
        watch.passes(minutes=15)
        for at in (MORNING, MORNING + timedelta(minutes=7), watch.clock.now()):
            await watch.measures(40.0, metric="total_cost", time=at.isoformat())
        assert told(await watch.evaluates()) == [("total_cost", 120.0)]
        assert (await watch.rule(rule)).last_fired_at == watch.clock.now()


async def test_a_sample_of_the_next_minute_counts_when_its_time_has_come(database: str) -> None:
    async with watching(database) as watch:
        await watch.watches()
        await watch.measures(350.0, time=(MORNING + timedelta(minutes=1)).isoformat())
        assert await watch.evaluates() == []
        watch.passes(minutes=1)
        assert len(await watch.evaluates()) == 1


async def test_a_count_of_nothing_is_a_value_and_the_rules_own_incident_is_not_counted(database: str) -> None:
    async with watching(database) as watch:
        rule: dict[str, Any] = {"module": "process", "operator": "lte", "threshold": 0.0, "cooldown_minutes": 0}
        await watch.watches(metric="open_incident_count", **rule)
        for expected in (1, 2):
            assert told(await watch.evaluates()) == [("open_incident_count", 0.0)] * expected


async def test_tenants_do_not_see_each_others_samples_and_incidents(database: str) -> None:
    async with watching(database) as watch:
        ours, theirs = await watch.watches(), await watch.watches(tenant="rival")
        await watch.measures(350.0, tenant="rival")
        (opened,) = await watch.evaluates()
        assert opened.rule is not None
        assert opened.rule.rule_id == theirs
        assert (await watch.rule(ours)).last_fired_at is None


async def test_a_disabled_and_a_deleted_rule_are_not_evaluated(database: str) -> None:
    async with watching(database) as watch:
        disabled, deleted, fires = [await watch.watches() for _ in range(3)]
        await watch.nodes[0].send(EnableRule(enabled=False), disabled)
        await watch.nodes[0].send(DeleteRule(), deleted)
        await watch.measures(350.0)
        assert [event.rule and event.rule.rule_id for event in await watch.evaluates()] == [fires]
        await watch.nodes[0].send(EnableRule(enabled=True), disabled)
        assert [event.rule and event.rule.rule_id for event in await watch.evaluates()] == [fires, disabled]


async def test_a_rule_that_was_changed_is_evaluated_as_it_is_now(database: str) -> None:
    async with watching(database) as watch:
        rule = await watch.watches()
        await watch.measures(350.0)
        await watch.nodes[0].send(ReplaceRule(CHANGED), rule)
        assert await watch.evaluates() == []
        await watch.measures(5000.0)
        assert told(await watch.evaluates()) == [("latency_ms", 2675.0)]


async def test_of_two_evaluators_at_once_one_fires(database: str) -> None:
    async with watching(database, nodes=2) as watch:
        rules = [await watch.watches() for _ in range(20)]
        await watch.measures(350.0)
        for hour in range(1, 4):
            await asyncio.gather(*(evaluator.evaluate_all() for evaluator in watch.evaluators * 2))
            opened = await watch.opened()
            assert sorted(event.rule.rule_id for event in opened if event.rule) == sorted(rules * hour)
            watch.passes(hours=1)
            await watch.measures(350.0)


async def test_a_rule_that_cannot_be_evaluated_says_so_and_does_not_stop_the_others(database: str) -> None:
    async with watching(database) as watch:
        first = await watch.watches(metric="first")
        poisoned = await watch.holds_unasked(RuleCreated(NONSENSE))
        last = await watch.watches(metric="last")
        for metric in ("first", "last"):
            await watch.measures(350.0, metric=metric)
        assert first < poisoned < last
        for _ in range(3):
            assert told(await watch.evaluates()) == [("first", 350.0), ("last", 350.0)]
        assert (await watch.rule(poisoned)).last_error == "its metric could not be measured (KeyError)"
        assert len(await watch.facts(poisoned)) == 2
        cured = RuleChanged(msgspec.structs.replace(NONSENSE, module="custom", metric="last"))
        await watch.holds_unasked_that(poisoned, 2, cured)
        assert len(await watch.evaluates()) == 3
        seen = await watch.rule(poisoned)
        assert (seen.last_error, seen.last_fired_at) == (None, watch.clock.now())


async def test_rules_whose_questions_are_not_answered_in_time_do_not_stop_the_others(database: str) -> None:
    async with watching(database) as watch:
        stuck = [await watch.watches(metric="stuck") for _ in range(5)]
        await watch.watches(metric="open_incident_count", module="process", operator="eq", threshold=0.0)
        await watch.reading.caught_up([model.name for model in NEEDED])
        impatient = await connect_pool(database, Link(name="queries", search_path="read", command_timeout=0.2))
        async with watch.database.acquire() as other, other.transaction():
            await other.execute("lock table alert_samples in access exclusive mode")
            evaluator = RuleEvaluator(watch.nodes[0].commands, watch.reading, impatient, 60.0)
            await evaluator.evaluate_all()
        await impatient.close()
        assert told(await watch.opened()) == [("open_incident_count", 0.0)]
        assert {(await watch.rule(rule)).last_error for rule in stuck} == {
            "its metric could not be measured (TimeoutError)"
        }


async def test_a_read_model_that_is_behind_for_a_moment_is_nothing_that_owners_of_rules_are_told(database: str) -> None:
    models = tuple(model for model in NEEDED if model.name != "work_outcomes")
    async with watching(database, models=models) as watch:
        behind = [await watch.watches(metric="job_error_rate", module="process") for _ in range(5)]
        await watch.watches()
        await watch.measures(350.0)
        for _ in range(2):
            assert told(await watch.evaluates()) == [("latency_ms", 350.0)]
        assert [len(await watch.facts(rule)) for rule in behind] == [1] * 5


async def test_a_rule_whose_read_model_stands_still_says_so_when_that_lasts(database: str) -> None:
    models = tuple(model for model in NEEDED if model.name != "work_outcomes")
    async with watching(database, models=models) as watch:
        behind = [await watch.watches(metric="job_error_rate", module="process") for _ in range(5)]
        await watch.watches()
        await watch.measures(350.0)
        node, patience = watch.nodes[0], Patience(of_read_model=0.5)
        evaluator = RuleEvaluator(node.commands, watch.reading, watch.database, 60.0, patience)
        await evaluator.evaluate_all()
        assert {(await watch.rule(rule)).last_error for rule in behind} == {None}
        await asyncio.sleep(0.5)
        await evaluator.evaluate_all()
        assert {(await watch.rule(rule)).last_error for rule in behind} == {"read model work_outcomes is behind"}
        assert told(await watch.opened()) == [("latency_ms", 350.0)]


async def test_the_role_evaluates_by_itself_on_one_node_at_a_time(database: str) -> None:
    async with watching(database, nodes=2) as watch, follower_pool(database) as pool:
        await watch.watches(cooldown_minutes=0)
        await watch.measures(350.0)
        evaluators, began = [watch.evaluator(node, interval=0.05) for node in watch.nodes], list[RuleEvaluator]()
        roles = [
            asyncio.create_task(Lease(pool, LEASE, f"node {number}").keep(_running(evaluator, began)))
            for number, evaluator in enumerate(evaluators)
        ]
        try:
            async with asyncio.timeout(20):
                while len(await watch.opened()) < 5:  # noqa: ASYNC110  (what the role does rings no bell)
                    await asyncio.sleep(0.05)
            assert len(began) == 1
        finally:
            for role in roles:
                role.cancel()
                with suppress(asyncio.CancelledError):
                    await role


async def test_the_role_waits_while_the_database_cannot_be_asked(database: str) -> None:
    async with watching(database) as watch:
        await watch.watches()
        await watch.database.close()
        with pytest.raises(Unavailable):
            await watch.evaluates()
        role = asyncio.create_task(watch.evaluator(watch.nodes[0], interval=0.02).run())
        await asyncio.wait([role], timeout=0.5)
        assert not role.done()
        role.cancel()
        with suppress(asyncio.CancelledError):
            await role
