"""``/readyz``: whether requests are welcome, and which role or read model stands still."""

import asyncio
from collections.abc import Mapping

import asyncpg
import pytest

from api import composition
from infra.leases import HELD
from projections.catalogue import READ_MODELS
from tests.contract.administering import Callers, callers
from tests.rules.source_tree import ROOT

ROLES = {"acknowledgements", "chain", "delivery", "executor", "followers", "rules"}


#: Appends an event that cannot be read, and answers its position.
UNREADABLE = """
with moved as (update log.head set position = position + 1 returning position)
insert into log.events (originator_id, originator_version, topic, state, notification_id, tenant, actor_kind, actor_id,
                        happened_at, recorded_at, correlation_id)
select 'webhook-01KB0ZQ8Z3M5W1X7T9R4N6P2VC', 1, 'webhook.created.v1', 'no JSON'::bytea, position, 'default', 'system',
       'system', now(), now(), 'c'
  from moved
returning notification_id
"""

READABLE = "update log.events set state = $2 where notification_id = $1"
GOLDEN = ROOT / "tests" / "golden" / "webhook.created.v1.json"


async def states(node: Callers) -> Mapping[str, str]:
    answer = await node.client.get("/readyz")
    assert answer.status_code == 200
    return {role["role"]: role["state"] for role in answer.json()["roles"]}


async def until(node: Callers, role: str, state: str) -> None:
    async with asyncio.timeout(30):
        while True:
            if (await states(node)).get(role) == state:
                return
            await asyncio.sleep(0.05)


async def test_a_node_names_its_roles_and_where_the_read_models_stand(database: str) -> None:
    async with callers(database) as node:
        for role in ROLES:
            await until(node, role, "going")
        told = (await node.client.get("/readyz")).json()
    assert (told["ready"], told["obstacle"]) == (True, "")
    assert [model["name"] for model in told["readModels"]] == [model.name for model in READ_MODELS]
    assert all(role["trouble"] == "" and role["since"] for role in told["roles"])


async def test_a_node_names_no_role_that_it_does_not_have(database: str) -> None:
    async with callers(database, roles=("api",)) as node:
        assert await states(node) == {}


async def test_of_two_nodes_one_does_the_work_and_the_other_says_so(database: str) -> None:
    async with callers(database) as one:
        for role in ROLES:
            await until(one, role, "going")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(composition, "holder", lambda: "another")
            async with callers(database) as other:
                for role in ROLES:
                    await until(other, role, "elsewhere")
                assert set((await states(one)).values()) == {"going"}
    assert HELD.labels("executor")._value.get() == 0


async def test_a_role_that_hangs_is_named(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "PATIENCE", 1.0)
    connection = await asyncpg.connect(database)
    try:
        async with callers(database) as node:
            async with connection.transaction():
                await connection.execute("lock table log.open_tasks")
                await until(node, "executor", "standing")
                told = (await node.client.get("/readyz")).json()
                (executor,) = [role for role in told["roles"] if role["role"] == "executor"]
                assert (told["ready"], executor["trouble"]) == (True, "it gives no sign of life")
            await until(node, "executor", "going")
    finally:
        await connection.close()


async def test_deliveries_and_read_models_that_stand_before_an_event_are_named_until_it_can_be_read(
    database: str,
) -> None:
    async with callers(database):
        pass  # it makes the log
    connection = await asyncpg.connect(database)
    try:
        position = await connection.fetchval(UNREADABLE)
        async with callers(database) as node:
            await until(node, "delivery", "standing")
            told = (await node.client.get("/readyz")).json()
            (trouble,) = [role["trouble"] for role in told["roles"] if role["role"] == "delivery"]
            assert told["ready"]
            assert f" {position}: " in trouble
            await _failed(node)
            await connection.execute(READABLE, position, GOLDEN.read_bytes())
            await until(node, "delivery", "going")
    finally:
        await connection.close()


async def _failed(node: Callers) -> None:
    """Return when a read model is named that has failed."""
    async with asyncio.timeout(30):
        while True:
            told = (await node.client.get("/readyz")).json()
            if any(model["state"] == "failed" for model in told["readModels"]):
                return
            await asyncio.sleep(0.05)
