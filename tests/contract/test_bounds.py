"""Checks and alert rules that a tenant has as many of as may be, told in the forms of uptime and of alerts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import pytest

from tests.contract.checking import CHECKS, SHOP, key_of
from tests.contract.working import Client, engine_client

RULES = "/api/alerts/rules"
RULE: Mapping[str, Any] = {
    "name": "Failing models",
    "module": "models",
    "metric": "error_rate",
    "condition": {"operator": "gt", "threshold": 5},
    "windowMinutes": 15,
}
BOUND = 3


class Kind(NamedTuple):
    """What is made where, by whom, how many may be, and how one more is refused."""

    path: str
    body: Mapping[str, Any]
    bound: str
    refusal: Any
    id_of: Any


KINDS = (
    Kind(
        CHECKS,
        SHOP,
        "commands.checks.MOST_CHECKS",
        {"success": False, "error": {"code": "CONFLICT", "message": f"the tenant has {BOUND} checks already"}},
        lambda told: told["data"]["check"]["id"],
    ),
    Kind(
        RULES,
        RULE,
        "commands.alert_rules.MOST_RULES",
        {"error": f"the tenant has {BOUND} rules already"},
        lambda told: told["rule"]["_id"],
    ),
)

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.path)


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[Sequence[Client]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(engine_client(database, port=0)) for _ in range(2)]


@every_kind
async def test_of_many_made_at_once_on_two_nodes_so_many_are_and_the_others_refused(
    nodes: Sequence[Client], kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind.bound, BOUND)

    async def make(number: int) -> Any:
        return await nodes[number % 2].call("POST", kind.path, kind.body)

    answers = await asyncio.gather(*map(make, range(16)))
    assert Counter(answer.status_code for answer in answers) == {201: BOUND, 409: 16 - BOUND}
    assert [answer.json() for answer in answers if answer.status_code == 409] == [kind.refusal] * (16 - BOUND)

    here, there = nodes
    await here.ok("POST", "/admin/tenants", {"id": "acme", "name": "Acme", "plan": "free"})
    theirs = await key_of(here, "acme", "admin")
    assert (await here.call("POST", kind.path, kind.body, Authorization=theirs)).status_code == 201

    made = next(kind.id_of(answer.json()) for answer in answers if answer.status_code == 201)
    assert (await there.call("DELETE", f"{kind.path}/{made}")).is_success
    assert (await here.call("POST", kind.path, kind.body)).status_code == 201, "as the other node has left it"
    assert (await there.call("POST", kind.path, kind.body)).status_code == 409
