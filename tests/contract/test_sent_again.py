"""Under the same idempotency key, what was made is told again as it is now; what is gone by then is gone."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.contract.administering import OWNER, Callers, callers
from tests.fuzz.reported import CHECKS, RULE, RULES

SHOP = {"name": "Shop", "type": "http", "target_url": "https://shop.example.org/"}


@pytest.fixture
async def node(database: str) -> AsyncIterator[Callers]:
    async with callers(database) as them:
        yield them


@pytest.mark.parametrize(("path", "body"), [(RULES, RULE), (CHECKS, SHOP)])
async def test_what_was_made_and_deleted_is_not_made_again(node: Callers, path: str, body: Mapping[str, Any]) -> None:
    once = {"Idempotency-Key": "the same"}
    first, second = [await node.ask(OWNER, "POST", path, body, headers=once) for _ in range(2)]
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    told = first.json()
    made = told["rule"]["_id"] if "rule" in told else told["data"]["check"]["id"]
    assert (await node.ask(OWNER, "DELETE", f"{path}/{made}")).is_success
    assert (await node.ask(OWNER, "GET", f"{path}/{made}")).status_code == 404
    third = await node.ask(OWNER, "POST", path, body, headers=once)
    assert third.status_code == 404
    assert made in third.text
    document = (await node.client.get("/schema/openapi.json")).json()
    assert "404" in document["paths"][path]["post"]["responses"]
