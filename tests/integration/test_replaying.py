"""Replaying: the state after each fact is what decisions rest on, wherever one begins (docs/replay.md)."""

import json
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from api.composition import Node, open_node
from bench.filling import Filling
from commands.context import Context, Decision
from commands.states import Versioned, fold
from domain.bpmn.events import VariableSet
from domain.event import Actor, Append, Event, Recorded
from domain.incidents.events import IncidentNoteAdded, IncidentOpened, IncidentRecurred, IncidentSeverityChanged
from infra.event_feed.withheld import WITHHELD
from infra.replaying import replays as replaying
from infra.replaying.causes import Causes
from infra.replaying.replays import Replays, Step, Unreplayable
from infra.replaying.told import told_state
from infra.settings import read_settings
from tests.integration.probed_checks import probe_checks
from tests.integration.told_webhooks import tell_webhooks
from tests.integration.waiting_instances import leave_waiting
from tests.integration.watched_metrics import watch_metrics
from tests.integration.worked_incidents import work_on_incidents

INSTANCES = 60
STREAM = "incident-01JD8QZ2N3W4X5Y6Z7A8B9C0D1"
OPENED = IncidentOpened("manual", 2, "Slow", "it is slow")


@pytest.fixture
async def node(database: str, tmp_path: Path) -> AsyncIterator[Node]:
    settings = read_settings(
        {},
        {"database_url": database, "roles": "executor", "data_dir": str(tmp_path), "secret_key": "the tests' own key"},
    )
    async with open_node(settings) as opened:
        yield opened


async def everything(node: Node) -> list[str]:
    """Have a bit of everything happen, and return the names of all streams."""
    await Filling(node).run(INSTANCES, lambda _: None)
    await leave_waiting(node)
    await work_on_incidents(node)
    await probe_checks(node)
    await watch_metrics(node)
    await tell_webhooks(node)
    return [name for (name,) in await node.pools.queries.fetch("select stream from log.streams order by stream")]


async def append(node: Node, *facts: Event, stream: str = STREAM, command: str = "") -> int:
    """Append facts as one command, and return the position of the last."""
    ids, commands = node.commands._ids, node.commands
    who, command_id = Actor("system", "system"), command or ids.ulid()
    context = Context("default", who, commands.clock.now(), ids, commands._cipher, command_id)
    expected = len(await node.log.read(stream))
    return await node.log.append(Decision((Append(stream, expected, facts),)), context)


async def told(replays: Replays, stream: str, after: int = 0) -> list[Step]:
    return [step async for step in replays.steps(stream, after)]


async def paged(replays: Replays, stream: str, most: int) -> list[Step]:
    steps: list[Step] = []
    while True:
        page = await replays.page(stream, len(steps), most, 1_000_000)
        steps += page.steps
        assert page.reached == len(steps)
        if not page.more:
            return steps


async def folded(node: Node, stream: str) -> list[bytes]:
    """Return the state after each fact, folded the way commands do, each time from the first fact."""
    facts: Sequence[Recorded] = await node.log.read(stream)
    return [
        told_state(stream, fold(stream, Versioned(0, None), facts[:length]).state)
        for length in range(1, len(facts) + 1)
    ]


async def test_each_state_is_what_commands_fold_in_every_kind_of_stream(node: Node) -> None:
    streams = await everything(node)
    assert {name.partition("-")[0] for name in streams} >= {
        "instance",
        "process",
        "incident",
        "check",
        "rule",
        "webhook",
        "key",
    }
    replays = Replays(node.pools.queries)
    for stream in streams:
        steps = await told(replays, stream)
        assert [step.state for step in steps] == await folded(node, stream), stream
        assert [step.fact.version for step in steps] == list(range(1, len(steps) + 1))
        for most in (1, 3):
            assert await paged(replays, stream, most) == steps


async def test_what_this_node_keeps_in_memory_to_decide_on_is_what_the_log_replays_to(node: Node) -> None:
    await everything(node)
    replays, compared = Replays(node.pools.queries), 0
    for stream, known in list(node.commands._cache._states.items()):
        steps = await told(replays, stream)
        assert len(steps) >= known.version
        assert steps[known.version - 1].state == told_state(stream, known.state), stream
        compared += 1
    assert compared > 20


async def test_no_secret_is_in_any_state_or_fact(node: Node) -> None:
    streams = await everything(node)
    rows = await node.pools.queries.fetch("select topic, state from log.events where topic = any($1)", list(WITHHELD))
    secrets = {
        json.loads(state)[name] for topic, state in rows for name in WITHHELD[topic] if json.loads(state).get(name)
    }
    assert len(secrets) >= 2
    replays = Replays(node.pools.queries)
    for stream in streams:
        for step in await told(replays, stream):
            assert not [secret for secret in secrets if secret.encode() in step.said + step.state], stream


async def test_whoever_begins_in_the_middle_has_the_same_states(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "PART", 7)
    await append(node, OPENED)
    for number in range(60):
        await append(node, IncidentSeverityChanged(number % 4 + 1, (number + 1) % 4 + 1))
    replays, fresh = Replays(node.pools.queries), Replays(node.pools.queries, most_kept=0)
    whole = await told(fresh, STREAM)
    chance = random.Random(5)
    for _ in range(100):
        after, most = chance.randint(0, 61), chance.randint(1, 20)
        page = await replays.page(STREAM, after, most, 1_000_000)
        assert list(page.steps) == whole[after : after + most]
        assert page.more is (after + most < 61)
        assert await told(replays, STREAM, after) == whole[after:]


class Counting:
    """A database that counts the facts that are read."""

    def __init__(self, node: Node) -> None:
        self.facts = 0
        self._database = node.pools.queries

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Any]:
        rows = await self._database.fetch(query, *args)
        self.facts += len(rows)
        return rows

    async def fetchrow(self, query: str, /, *args: Any) -> Any:
        return await self._database.fetchrow(query, *args)

    async def fetchval(self, query: str, /, *args: Any) -> Any:
        return await self._database.fetchval(query, *args)

    async def execute(self, query: str, /, *args: Any) -> str:
        return await self._database.execute(query, *args)


async def test_a_long_stream_is_read_once_by_whoever_goes_through_it_page_by_page(node: Node) -> None:
    await append(node, OPENED, *[IncidentSeverityChanged(1, 2)] * 2_999)
    counting = Counting(node)
    assert len(await paged(Replays(counting), STREAM, 50)) == 3_000
    assert counting.facts <= 3_000 + 3_000 // 50 + 1, "one more for each page, to know whether there is more"
    without = Counting(node)
    assert len(await paged(Replays(without, most_kept=0), STREAM, 50)) == 3_000
    assert without.facts > 80_000, "this is what keeping nothing costs"


async def test_states_that_are_kept_stay_within_their_bounds(node: Node) -> None:
    replays = Replays(node.pools.queries, most_kept=20_000)
    for number in range(20):
        stream = f"incident-{number:026d}"
        await append(node, OPENED, *[IncidentSeverityChanged(1, 2)] * 30, stream=stream)
        await paged(replays, stream, 5)
        assert replays._kept._size <= 20_000
    kept = replays._kept
    assert kept._size == sum(len(each.state) for states in kept._streams.values() for each in states.values())
    assert kept._streams


async def test_a_state_of_facts_that_a_restored_log_does_not_have_is_not_used(node: Node) -> None:
    await append(node, OPENED, *[IncidentRecurred()] * 9)
    replays = Replays(node.pools.queries)
    await replays.page(STREAM, 0, 5, 1_000_000)
    for query in (
        "delete from log.events where originator_id = $1 and originator_version > 3",
        "update log.streams set version = 3 where stream = $1",
    ):
        await node.pools.commands.execute(query, STREAM)
    await append(node, *[IncidentSeverityChanged(3, 4)] * 7)
    fresh = Replays(node.pools.queries, most_kept=0)
    page = await replays.page(STREAM, 5, 5, 1_000_000)
    assert [step.state for step in page.steps] == [step.state for step in (await told(fresh, STREAM))[5:]]
    assert b'"failure_count":3' in page.steps[0].state, "five had been told"


async def test_a_stream_that_is_not_there_has_no_steps(node: Node) -> None:
    replays = Replays(node.pools.queries)
    assert await told(replays, "incident-nothing") == []
    assert await replays.page("incident-nothing", 0, 5, 100) == ([], 0, False)
    assert (await replays.length_of("incident-nothing"), await replays.tenant_of("incident-nothing")) == (0, None)


async def test_a_stream_that_begins_with_what_cannot_be_is_refused_not_guessed(node: Node) -> None:
    position = await append(node, VariableSet(1, 1, "a", "text", "b"), stream="instance-2026-11-21-7")
    with pytest.raises(Unreplayable, match=f"position {position}: it does not follow"):
        await told(Replays(node.pools.queries), "instance-2026-11-21-7")


async def test_a_command_leads_to_its_own_first_fact_though_its_id_was_used_before(node: Node) -> None:
    """Idempotency keys are kept for a day: the same one may come again every night."""
    first = await append(node, OPENED, IncidentNoteAdded("one"), IncidentNoteAdded("two"), command="nightly")
    await node.pools.commands.execute("delete from log.commands")
    again = await append(node, *[IncidentNoteAdded(f"{number}") for number in range(40)], command="nightly")
    causes = await Causes(node.pools.queries).of(await node.log.read(STREAM))
    assert {position: cause.position for position, cause in causes.items()} == {
        **dict.fromkeys(range(first - 1, first + 1), first - 2),
        **dict.fromkeys(range(again - 38, again + 1), again - 39),
    }


async def test_a_cause_is_never_anothers_nor_what_only_looks_like_one(node: Node) -> None:
    await append(node, OPENED)
    causes = Causes(node.pools.queries)
    assert (await causes.named([f"{STREAM}/1"], "default"))[f"{STREAM}/1"].topic == "incident.opened.v1"
    assert await causes.named([f"{STREAM}/1"], "acme") == {}
    odd = [
        "",
        "/",
        f"{STREAM}/",
        f"{STREAM}/x",
        f"{STREAM}/٣",
        f"{STREAM}/{10**30}",
        "01JD8QZ2N3W4X5Y6Z7A8B9C0D1",
        f"{STREAM}/2",
    ]
    assert await causes.named(odd, "default") == {}
    assert await causes.of([]) == {}
