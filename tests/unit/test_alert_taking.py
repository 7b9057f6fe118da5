"""Taking in the alerts of one request: in order where they are about one thing, at once where they are not."""

import asyncio

import pytest

from api.intakes.taking import AT_ONCE, Taking
from commands.handling import Asker, Outcome
from commands.inbound_alerts import InboundAlert, ResolveAlert
from domain.rejection import Unavailable


class Slowly:
    """Handles each command the more slowly the earlier it came."""

    def __init__(self, fails: str = "") -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.askers: list[Asker] = []
        self.most_at_once = 0
        self._running = 0
        self._fails = fails

    async def send(self, command: InboundAlert, asker: Asker) -> Outcome:
        self.begun.append(command.external_id)
        self.askers.append(asker)
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        for _ in range(200 - len(self.begun)):
            await asyncio.sleep(0)
        self._running -= 1
        if command.external_id == self._fails:
            raise Unavailable("failed to append", "the log could not be reached in time")
        self.ended.append(command.external_id)
        return Outcome(f"{command.external_id}{len(self.ended)}", len(self.ended))


def alerts(*ids: str) -> list[InboundAlert]:
    return [ResolveAlert("alertmanager", known_by) for known_by in ids]


async def test_alerts_about_one_thing_are_taken_one_after_the_other() -> None:
    commands = Slowly()
    outcomes = await Taking(commands, "acme", "I1").take(alerts("a", "a", "b", "a"))
    assert [known_by for known_by in commands.ended if known_by == "a"] == ["a"] * 3
    positions = [outcome.position for outcome in outcomes]
    assert positions[0] < positions[1] < positions[3]
    assert [outcome.answer[0] for outcome in outcomes] == ["a", "a", "b", "a"]
    assert commands.begun[:2] == ["a", "b"]


async def test_a_great_group_leaves_room_for_others() -> None:
    commands = Slowly()
    assert len(await Taking(commands, "acme", "I1").take(alerts(*map(str, range(100))))) == 100
    assert commands.most_at_once == AT_ONCE


async def test_what_could_not_be_taken_is_told_when_the_rest_is_through() -> None:
    commands = Slowly(fails="b")
    with pytest.raises(Unavailable):
        await Taking(commands, "acme", "I1").take(alerts("a", "b", "c"))
    assert sorted(commands.ended) == ["a", "c"]


async def test_each_alert_has_its_own_part_of_an_idempotency_key() -> None:
    commands = Slowly()
    await Taking(commands, "acme", "I1").take(alerts("a", "b"), "key", "print")
    assert sorted(asker.idempotency_key for asker in commands.askers) == ["key\x000", "key\x001"]
    assert {(asker.tenant, asker.principal, asker.fingerprint) for asker in commands.askers} == {
        ("acme", "intake:I1", "print")
    }
    unkeyed = Slowly()
    await Taking(unkeyed, "acme", "I1").take(alerts("a"))
    assert [asker.idempotency_key for asker in unkeyed.askers] == [""]
