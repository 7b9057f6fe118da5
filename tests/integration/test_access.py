"""Tenants and keys in a real database: the first start, the hash that is all we keep, and who opens what."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from api.admin.administration import SYSTEM, Administration
from commands.access import ON_THE_MACHINE, ChangeTenant, IssueKey, RegisterTenant
from commands.handling import Commands
from commands.routes import ROUTES
from commands.states import StateCache
from domain.rejection import NotFound, Unavailable
from infra.access import AccessRecords
from infra.clock import Clock
from infra.command_measures import CommandMeasures
from infra.event_log.log import EventLog
from infra.ids import IdBlocks
from infra.lookups import PostgresLookups
from infra.postgres import Link, Pool, connect, connect_pool
from infra.secret_key import SecretKey

PEPPER = SecretKey(["pepper of the tests"])


class Node:
    """One process's way to tenants and keys."""

    def __init__(self, pool: Pool, log: EventLog, secret_key: SecretKey = PEPPER) -> None:
        nothing_else: Any = None  # no command about access looks work up, encrypts, or asks for history
        ids = IdBlocks(pool)
        ports: Any = {"lookups": PostgresLookups(pool, nothing_else), "cipher": nothing_else, "ids": ids}
        watcher = CommandMeasures()
        commands = Commands(routes=ROUTES, log=log, cache=StateCache(100), clock=Clock(), watcher=watcher, **ports)
        self.records = AccessRecords(pool, secret_key)
        self.administration = Administration(commands, self.records, secret_key, ids.ulid)

    async def issue(self, tenant: str = "default") -> str:
        outcome = await self.administration.issue_key(IssueKey(tenant, "worker", "robot"), ON_THE_MACHINE, SYSTEM)
        return str(outcome.answer.key)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await connect_pool(database, Link(name="tests"))
    yield pool
    await pool.close()


@pytest.fixture
async def log(database: str, pool: Pool) -> AsyncIterator[EventLog]:
    async with EventLog(pool, lambda: connect(database, Link(name="tests")), Clock().wall) as log:
        yield log


@pytest.fixture
def node(pool: Pool, log: EventLog) -> Node:
    return Node(pool, log)


async def test_the_first_start_gives_an_owner_key_and_no_later_one_does(node: Node) -> None:
    founded = await node.administration.found_deployment(None)
    assert founded is not None
    holder = await node.records.holder(founded.key)
    assert holder is not None
    assert (holder.tenant, holder.role, holder.key_id, holder.entitlements) == (
        "default",
        "owner",
        founded.id,
        frozenset({"analytics"}),
    )
    assert await node.administration.found_deployment(None) is None


async def test_a_bootstrap_key_is_the_owner_key_and_stays_it(node: Node) -> None:
    founded = await node.administration.found_deployment("a key of my own")
    assert founded is not None
    assert founded.key == "a key of my own"
    assert await node.administration.found_deployment("another one") is None
    assert await node.records.holder("a key of my own")
    assert await node.records.holder("another one") is None


async def test_of_nodes_that_start_at_once_one_founds_the_deployment(pool: Pool, database: str) -> None:
    logs = [EventLog(pool, lambda: connect(database, Link(name="tests")), Clock().wall) for _ in range(4)]
    for log in logs:
        await log.__aenter__()
    try:
        nodes = [Node(pool, log) for log in logs]
        found = await asyncio.gather(*(node.administration.found_deployment(None) for node in nodes))
    finally:
        for log in logs:
            await log.__aexit__()
    assert sum(key is not None for key in found) == 1
    assert len(await nodes[0].records.tenants()) == len(await nodes[0].records.keys()) == 1


async def test_what_the_database_keeps_of_a_key_does_not_contain_it(node: Node, database: str) -> None:
    await node.administration.found_deployment(None)
    key = await node.issue()
    secret = key.rpartition("_")[2]
    connection = await asyncpg.connect(database)
    try:
        for table in ("events", "api_keys", "commands", "snapshots"):
            rows = await connection.fetch(f"select t::text, t.* from log.{table} as t")
            assert not [row for row in rows if secret in repr(tuple(row))]
    finally:
        await connection.close()


async def test_a_revoked_key_has_no_holder(node: Node) -> None:
    await node.administration.found_deployment(None)
    key = await node.issue()
    holder = await node.records.holder(key)
    assert holder is not None
    assert await node.records.tenant_of_key(holder.key_id) == "default"
    await node.administration.revoke_key(holder.key_id, ON_THE_MACHINE, SYSTEM)
    assert await node.records.holder(key) is None
    with pytest.raises(NotFound):
        await node.administration.revoke_key(holder.key_id, ON_THE_MACHINE, SYSTEM)


@pytest.mark.parametrize("odd", ["", "a\0b", "x" * 5000, "../../etc", "ключ"])
async def test_an_odd_key_id_is_not_found_like_any_other(node: Node, odd: str) -> None:
    with pytest.raises(NotFound):
        await node.administration.revoke_key(odd, ON_THE_MACHINE, SYSTEM)
    with pytest.raises(NotFound):
        await node.administration.change_tenant(odd, ChangeTenant(plan="pro"), SYSTEM)
    assert await node.records.holder(odd) is None


async def test_a_key_issued_before_the_pepper_was_rotated_still_opens(pool: Pool, log: EventLog) -> None:
    before = Node(pool, log, SecretKey(["old"]))
    await before.administration.found_deployment(None)
    key = await before.issue()
    assert await Node(pool, log, SecretKey(["new", "old"])).records.holder(key)
    assert await Node(pool, log, SecretKey(["new"])).records.holder(key) is None


async def test_a_change_of_plan_changes_what_the_tenants_keys_are_entitled_to(node: Node) -> None:
    await node.administration.register_tenant(RegisterTenant("acme", "Acme", "free"), SYSTEM)
    key = await node.issue("acme")
    before = await node.records.holder(key)
    await node.administration.change_tenant("acme", ChangeTenant(plan="enterprise"), SYSTEM)
    after = await node.records.holder(key)
    assert before is not None
    assert after is not None
    assert (before.entitlements, after.entitlements) == (frozenset[str](), frozenset({"analytics"}))


async def test_tenants_and_keys_are_listed_with_what_became_of_them(node: Node, log: EventLog) -> None:
    await node.administration.found_deployment(None)
    await node.administration.register_tenant(RegisterTenant("acme", "Acme", "free"), SYSTEM)
    await node.administration.change_tenant("acme", ChangeTenant(entitlements=("analytics",)), SYSTEM)
    outcome = await node.administration.issue_key(IssueKey("acme", "worker", "robot"), ON_THE_MACHINE, SYSTEM)
    await node.administration.revoke_key(outcome.answer.id, ON_THE_MACHINE, SYSTEM)
    tenants = [(row.id, row.name, row.plan, row.entitlements) for row in await node.records.tenants()]
    assert tenants == [("acme", "Acme", "free", ("analytics",)), ("default", "default", "enterprise", ())]
    keys = {row.id: (row.tenant, row.role, row.name, row.revoked) for row in await node.records.keys()}
    assert keys[outcome.answer.id] == ("acme", "worker", "robot", True)
    assert ("default", "owner", "bootstrap", False) in keys.values()
    facts = [fact for fact in await log.read_all(0, 100) if fact.stream.startswith(("tenant-acme", "key-"))]
    assert {fact.tenant for fact in facts[1:]} == {"acme"}, "the tenant's own log tells what was done to it"


async def test_an_outage_is_no_refusal_of_a_key(node: Node, database: str) -> None:
    cut_off = await connect_pool(database, Link(name="tests"))
    await cut_off.close()
    with pytest.raises(Unavailable):
        await AccessRecords(cut_off, PEPPER).holder("key")
