"""Every read model of the catalogue: its tables are what they have to be, and a rebuild gives the same rows."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.composition import Node, open_node
from bench.filling import Filling
from infra.event_log.doorbell import Doorbell
from infra.following.batches import Bounds
from infra.following.followers import Pace
from infra.following.verifying import verify
from infra.postgres import Pool
from infra.settings import read_settings
from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from tests.integration.following_stage import follower_pool, following
from tests.integration.probed_checks import probe_checks
from tests.integration.told_webhooks import tell_webhooks
from tests.integration.waiting_instances import leave_waiting
from tests.integration.watched_metrics import watch_metrics
from tests.integration.worked_incidents import work_on_incidents

INSTANCES = 60
NAMES = tuple(model.name for model in READ_MODELS)

#: What a rebuild does not move into place, or what the comparison cannot do without.
TABLES_WITHOUT_KEY = """
select relname from pg_class
 where relnamespace = 'read'::regnamespace and relkind = 'r'
   and not exists (select from pg_index where indrelid = pg_class.oid and indisprimary)
"""
OTHER_THAN_TABLES = """
select relname::text as name from pg_class
 where relnamespace = 'read'::regnamespace and relkind not in ('r', 'i', 't')
union all
select proname::text from pg_proc where pronamespace = 'read'::regnamespace
union all
select typname::text from pg_type where typnamespace = 'read'::regnamespace and typtype not in ('c', 'b')
"""
TABLES = "select relname from pg_class where relnamespace = 'read'::regnamespace and relkind = 'r' order by relname"


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with follower_pool(database, size=12) as opened:
        yield opened


@pytest.fixture
async def node(database: str, tmp_path: Path) -> AsyncIterator[Node]:
    """Return a node that works but does not follow."""
    settings = read_settings(
        {},
        {"database_url": database, "roles": "executor", "data_dir": str(tmp_path), "secret_key": "the tests' own key"},
    )
    async with open_node(settings) as opened:
        yield opened


async def differing(pool: Pool) -> dict[str, int]:
    """Compare every read model with a rebuild; return how many rows differ in each that is not the same."""
    found = {model.name: len(await verify(pool, model, "verifier")) for model in READ_MODELS}
    return {name: rows for name, rows in found.items() if rows}


@pytest.mark.parametrize("facts", [1, 7, 1_000])
async def test_rows_are_the_same_however_the_facts_were_parted_into_batches(node: Node, pool: Pool, facts: int) -> None:
    await Filling(node).run(INSTANCES, lambda _: None)
    await leave_waiting(node)
    await work_on_incidents(node)
    await probe_checks(node)
    await watch_metrics(node)
    await tell_webhooks(node)
    async with following(pool, READ_MODELS, Pace(poll=0.05, rest=0, bounds=Bounds(facts=facts))) as stage:
        await stage.level(*NAMES, seconds=60)
        assert await differing(pool) == {}


async def test_rows_are_the_same_when_facts_come_in_while_they_are_followed(node: Node, pool: Pool) -> None:
    bell: Doorbell = node.log.doorbell
    async with following(pool, READ_MODELS, Pace(rest=0), bell) as stage:
        await Filling(node).run(INSTANCES, lambda _: None)
        await leave_waiting(node)
        await work_on_incidents(node)
        await probe_checks(node)
        await watch_metrics(node)
        await tell_webhooks(node)
        await stage.level(*NAMES)
        assert await differing(pool) == {}
    for model in READ_MODELS:
        rows = [await pool.fetchval(f"select count(*) from read.{table}") for table in model.tables]
        assert sum(rows), f"{model.name} is empty, so that nothing was compared"


async def test_a_rebuild_can_move_and_compare_all_that_a_read_model_makes(pool: Pool) -> None:
    async with following(pool, READ_MODELS) as stage:
        await stage.level(*NAMES)
    assert await pool.fetch(TABLES_WITHOUT_KEY) == []
    assert await pool.fetch(OTHER_THAN_TABLES) == []
    made = [name for (name,) in await pool.fetch(TABLES)]
    assert made == sorted(table for model in READ_MODELS for table in model.tables), "each says which tables it has"


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_a_read_model_says_which_facts_it_looks_at(model: ReadModel) -> None:
    assert model.facts, "without, one fact that cannot be read stops it though it may not concern it"
    assert model.version >= 1
    assert len(f"rebuild_{model.name}") <= 63, "PostgreSQL cuts longer names"
