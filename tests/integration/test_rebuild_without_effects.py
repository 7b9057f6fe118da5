"""Nothing is decided, and nothing delivered, because read models are built anew: facts of the past happen once."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from commands.alert_rules import ConditionForm, CreateRule, RuleForm
from commands.incident_moves import MoveIncident
from commands.incident_opening import OpenIncident
from commands.samples import ReportSamples, SampleForm
from infra.following.rebuilding import rebuild
from infra.following.standing import status
from infra.following.verifying import verify
from projections.catalogue import READ_MODELS
from tests.integration.delivering import PATIENCE, Receiver, Stage, delivering, receiving, until

#: Seconds from one evaluation of the alert rules to the next, and while which something could come of a rebuild.
EVALUATION = 0.1
WATCHED = 1.5

RULE = RuleForm(
    name="Errors of calls",
    module="models",
    metric="error_rate",
    condition=ConditionForm("gt", 5.0),
    window_minutes=15,
    cooldown_minutes=1440,
)

#: What a decision, or a delivery, would leave a trace in. Only followers write to the two that are left out, and leases
#: are renewed.
TABLES = """
select format('%I.%I', nspname, relname) from pg_class join pg_namespace on pg_namespace.oid = relnamespace
 where nspname in ('log', 'delivery') and relkind = 'r' and relname not in ('followers', 'rebuilds', 'leases', 'chain')
 order by 1
"""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as one:
        yield one


@pytest.fixture
async def stage(database: str) -> AsyncIterator[Stage]:
    """Return a node with everything that decides and delivers by itself."""
    roles = ("api", "followers", "executor", "rules", "delivery")
    async with delivering(database, roles=roles, alert_evaluation_seconds=EVALUATION) as one:
        yield one


async def lively(stage: Stage, receiver: Receiver) -> None:
    """Have rules fire, incidents open, and all of it delivered; return when nothing more comes of it."""
    await stage.webhook(receiver.url)
    await stage.happens(5)
    await stage.send(CreateRule(RULE))
    await stage.send(ReportSamples((SampleForm(metric="error_rate", failed=9, total=10),)))
    incident = (await stage.send(OpenIncident("Fire", "it burns", 3))).answer
    await stage.send(MoveIncident("alerts", "acknowledged", "on it", "mara"), incident)

    async def fired() -> bool:
        return "rule.fired.v1" in {request.event["type"] for request in receiver.received}

    await until(fired)
    await settled(stage, receiver)


async def settled(stage: Stage, receiver: Receiver) -> None:
    """Wait until all events of the webhook's time are with the receiver, and nothing new has come for a while."""
    seen = -1
    async with asyncio.timeout(PATIENCE):
        while (
            seen != (seen := await stage.node.log.head()) or len(receiver.received) < seen - min(receiver.positions) + 1
        ):
            await stage.told()
            await asyncio.sleep(5 * EVALUATION)


async def traces(stage: Stage) -> Mapping[str, str]:
    """Return a digest of every table that a decision or a delivery would write to."""
    tables = [name for (name,) in await stage.database.fetch(TABLES)]
    assert len(tables) > 12
    query = (
        "select coalesce(md5(string_agg(line, '' order by line)), '') from (select t::text as line from {} as t) as t"
    )
    return {table: await stage.database.fetchval(query.format(table)) for table in tables}


async def level(stage: Stage) -> None:
    """Wait until every read model is live again and has all facts."""

    async def there() -> bool:
        standings = await status(stage.database, READ_MODELS)
        return all(
            standing.state == "live" and not standing.lag and standing.rebuilt_to is None for standing in standings
        )

    await until(there)


async def rebuilt_by_hand(stage: Stage) -> None:
    for model in READ_MODELS:
        await rebuild(stage.node.pools.followers, model, "an operator")


async def of_another_version(stage: Stage) -> None:
    """Have the followers find tables of an older release, as after an upgrade; they rebuild them by themselves."""
    await stage.database.execute("update log.followers set version = 0")


async def lost(stage: Stage) -> None:
    """Have the followers find no tables at all, as after an import; they fill them from the first fact on."""
    await stage.database.execute("delete from log.followers")


async def compared(stage: Stage) -> None:
    for model in READ_MODELS:
        assert await verify(stage.node.pools.followers, model, "an operator") == []


@pytest.mark.parametrize("build", [rebuilt_by_hand, of_another_version, lost, compared])
async def test_nothing_comes_of_building_read_models_anew(stage: Stage, receiver: Receiver, build: object) -> None:
    assert callable(build)
    await lively(stage, receiver)
    before, received = await traces(stage), len(receiver.received)
    await build(stage)
    await level(stage)
    await asyncio.sleep(WATCHED)
    assert await traces(stage) == before
    assert len(receiver.received) == received
    # All of it is still there, and would have been seen: what happens now is delivered, with what comes of it.
    await stage.send(CreateRule(RULE))
    await settled(stage, receiver)
    news = [request.event["type"] for request in receiver.received[received:]]
    assert {"rule.created.v1", "rule.fired.v1", "incident.opened.v1"} <= set(news)
    assert len({request.id for request in receiver.received}) == len(receiver.received)
