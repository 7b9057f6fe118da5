"""Tenants and API keys as the database has them: who holds a key, and the lists that administrators see."""

from collections.abc import Awaitable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol

import msgspec

from commands.access_fields import is_tenant_id
from domain.access import key, tenant
from domain.access.caller import Caller
from domain.access.events import Plan, Role
from domain.rejection import Unavailable
from infra.codec import decode
from infra.outages import passes
from infra.secret_key import SecretKey

#: A key that opens something, with the facts of its tenant (a handful), of which its plan and entitlements follow.
HOLDER = """
select keys.key_id, keys.tenant, keys.role, keys.name,
       array(select topic from log.events
              where originator_id = 'tenant-' || keys.tenant order by originator_version) as topics,
       array(select state from log.events
              where originator_id = 'tenant-' || keys.tenant order by originator_version) as states
  from log.api_keys as keys
 where keys.key_hash = any($1)
"""

TENANT = "select topic, state from log.events where originator_id = 'tenant-' || $1 order by originator_version"

TENANT_OF_KEY = "select tenant from log.api_keys where key_id = $1"

#: The facts of all streams whose names begin alike; in the collation "C" the dot follows the hyphen.
FACTS_OF = """
select originator_id, topic, state, happened_at
  from log.events
 where originator_id >= $1 || '-' and originator_id < $1 || '.'
 order by originator_id, originator_version
"""


class Database(Protocol):
    """A pool or connection to the database of the log."""

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Any]: ...

    async def fetchrow(self, query: str, /, *args: Any) -> Any: ...


class TenantRow(msgspec.Struct, frozen=True):
    """A line of ``annals tenants list``."""

    id: str
    name: str
    plan: Plan
    entitlements: tuple[str, ...]
    registered_at: datetime


class KeyRow(msgspec.Struct, frozen=True):
    """A line of ``annals keys list``."""

    id: str
    tenant: str
    role: Role
    name: str
    revoked: bool
    issued_at: datetime


class AccessRecords:
    """Reads what a database knows of tenants and keys."""

    def __init__(self, database: Database, secret_key: SecretKey) -> None:
        self._database = database
        self._secret_key = secret_key

    async def holder(self, key: str) -> Caller | None:
        """Return who holds a key, ``None`` for one that is unknown or revoked; raise ``Unavailable`` in an outage.

        The key is looked up by its keyed hash: how long that takes tells nothing about a key that is nearly right.
        """
        row = await _reached(self._database.fetchrow(HOLDER, self._secret_key.hashes(key)))
        if row is None:
            return None
        owner = _folded_tenant(row["topics"], row["states"])
        entitlements = owner.entitlements if owner else frozenset[str]()
        plan: Plan = owner.plan if owner else "free"
        return Caller(row["tenant"], row["role"], row["key_id"], row["name"], entitlements, plan=plan)

    async def tenant(self, tenant_id: str) -> tenant.Tenant | None:
        """Return a tenant, ``None`` for an unknown one; raise ``Unavailable`` in an outage."""
        if not is_tenant_id(tenant_id):
            return None
        rows = await _reached(self._database.fetch(TENANT, tenant_id))
        return _folded_tenant([row["topic"] for row in rows], [row["state"] for row in rows])

    async def tenant_of_key(self, key_id: str) -> str | None:
        """Return the tenant of a key that is not revoked."""
        row = await _reached(self._database.fetchrow(TENANT_OF_KEY, key_id))
        return row["tenant"] if row else None

    async def tenants(self) -> list[TenantRow]:
        """Return every tenant, by id."""
        rows = []
        for tenant_id, facts in await self._facts_of("tenant"):
            state = _folded_tenant([fact["topic"] for fact in facts], [fact["state"] for fact in facts])
            if state:
                since = facts[0]["happened_at"]
                rows.append(TenantRow(tenant_id, state.name, state.plan, state.granted, since))
        return rows

    async def keys(self) -> list[KeyRow]:
        """Return every key that was ever issued, by id, which is by time."""
        rows = []
        for key_id, facts in await self._facts_of("key"):
            state = None
            for fact in facts:
                state = key.evolve(state, decode(fact["topic"], fact["state"]))  # type: ignore[arg-type]  # by its stream
            if state:
                since = facts[0]["happened_at"]
                rows.append(KeyRow(key_id, state.tenant, state.role, state.name, state.revoked, since))
        return rows

    async def _facts_of(self, kind: str) -> Iterator[tuple[str, list[Any]]]:
        """Return the ids of all streams of a kind, each with its facts in order."""
        rows = await self._database.fetch(FACTS_OF, kind)
        by_stream = groupby(rows, lambda row: str(row["originator_id"]))
        return ((stream.removeprefix(f"{kind}-"), list(facts)) for stream, facts in by_stream)


async def _reached(asking: Awaitable[Any]) -> Any:
    """Return what the database answers; raise ``Unavailable`` where it cannot be reached."""
    try:
        return await asking
    except Exception as error:
        if passes(error):
            raise Unavailable("failed to look up a key", "the database cannot be reached") from error
        raise


def _folded_tenant(topics: Sequence[str], states: Sequence[bytes]) -> tenant.Tenant | None:
    state = None
    for topic, fact in zip(topics, states, strict=True):
        state = tenant.evolve(state, decode(topic, fact))  # type: ignore[arg-type]  # by its stream
    return state
