"""The door of inbound webhooks: how long it remembers intakes, and how often it asks for them."""

import asyncio
import hmac
from collections.abc import Sequence

import pytest
from litestar.types import Scope

from api.intakes.door import FORGET_AFTER_S, Door, Knock
from api.refusals import InvalidSignature
from domain.access.caller import Caller
from domain.intakes.events import Provider
from domain.rejection import Unavailable
from infra.intakes import ActiveIntake

BODY = b"{}"


class Records:
    """What the database knows, and how often it was asked."""

    def __init__(self) -> None:
        self.intakes: list[ActiveIntake] = [ActiveIntake("I1", "secret", "")]
        self.asked: list[tuple[str, str]] = []
        self.down = False

    async def active(self, tenant: str, provider: Provider) -> Sequence[ActiveIntake]:
        self.asked.append((tenant, provider))
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("failed to look up an intake", "the database cannot be reached")
        return tuple(self.intakes) if tenant == "acme" else ()

    def hashes(self, routing_key: str) -> Sequence[str]:
        return (routing_key,)

    def stranger(self) -> ActiveIntake:
        return ActiveIntake("", "unknown to all", "")


class Stage:
    """A door, and a clock that stands still."""

    def __init__(self) -> None:
        self.time = 100.0
        self.records = Records()
        self.door = Door(self.records, self.nobody, lambda: self.time)

    async def nobody(self, _scope: Scope) -> Caller | None:
        return None

    async def admits(self, tenant: str = "acme", secret: str = "secret") -> str:  # noqa: S107  (of a test)
        signature = hmac.digest(secret.encode(), BODY, "sha256").hex()
        return await self.door.admit(Knock(tenant, "custom", {"x-webhook-signature": f"sha256={signature}"}, BODY))


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_storm_asks_the_database_once(stage: Stage) -> None:
    assert await asyncio.gather(*(stage.admits() for _ in range(500))) == ["I1"] * 500
    assert await stage.admits() == "I1"
    assert len(stage.records.asked) == 1


async def test_a_closed_intake_is_refused_within_a_second_though_nobody_told(stage: Stage) -> None:
    await stage.admits()
    stage.records.intakes.clear()
    stage.time += FORGET_AFTER_S - 0.01
    await stage.admits()
    stage.time += 0.02
    with pytest.raises(InvalidSignature):
        await stage.admits()
    assert FORGET_AFTER_S < 1


async def test_what_this_node_changed_counts_at_once(stage: Stage) -> None:
    await stage.admits()
    stage.records.intakes.clear()
    stage.door.forget()
    with pytest.raises(InvalidSignature):
        await stage.admits()


async def test_a_look_that_began_before_a_change_is_not_remembered(stage: Stage) -> None:
    looking = asyncio.create_task(stage.admits())
    await asyncio.sleep(0)
    stage.door.forget()
    await looking
    stage.records.intakes.clear()
    with pytest.raises(InvalidSignature):
        await stage.admits()


async def test_unknown_tenants_are_remembered_as_such_and_impossible_ones_not_even_looked_up(stage: Stage) -> None:
    for _ in range(3):
        with pytest.raises(InvalidSignature):
            await stage.admits("nobody")
    for tenant in ("", "No Tenant", "a" * 64, "\0"):
        with pytest.raises(InvalidSignature):
            await stage.admits(tenant)
    assert stage.records.asked == [("nobody", "custom")]


async def test_an_outage_is_not_remembered(stage: Stage) -> None:
    stage.records.down = True
    with pytest.raises(Unavailable):
        await stage.admits()
    stage.records.down = False
    assert await stage.admits() == "I1"


async def test_nothing_is_signed_with_what_stands_for_an_intake_that_is_not_there(stage: Stage) -> None:
    stage.records.intakes.clear()
    for secret in ("secret", ""):
        with pytest.raises(InvalidSignature):
            await stage.admits(secret=secret)
