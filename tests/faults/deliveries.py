"""Deliveries to receivers that time out, reset, hang, drip, lie, redirect, are busy or gone, through kills (issue).

A dozen webhooks, one for each kind of receiver, want all that happens to instances that are started all the while; the
node, or its database, is killed again and again. The checker reads the log, what the receivers have got, and what the
node says it has delivered: each event has been taken by each receiver that was to get it, always under one id and with
the same bytes; every signature was verified by the reference library; who wants order has got order.

The long form, with its seed: ``python -m tests.faults.deliveries --deliveries 20000 --seed 1 --kills 10``. The control
(``--hasty``) marks as delivered what it is about to send, and has to be caught.
"""

import argparse
import asyncio
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.progress import Progress

from infra.scratch_directory import scratch_directory
from tests.faults.killing import kill_database, kill_server
from tests.faults.node import SERVE, Node, free_port, running
from tests.faults.occurrences import connected
from tests.faults.patient import Patient
from tests.faults.receivers import KINDS, TIME_OUT, Came, Receivers, receiving
from tests.faults.verdicts import concluded
from tests.modelling import bpmn

MODEL = bpmn("s:startEvent e:endEvent", "s>e", "delivered")
HASTY = (sys.executable, "-m", "tests.faults.hasty", "serve")
ROOT = Path(__file__).resolve().parents[2]

#: Facts of an instance of the model, roughly; instances that are started together; seconds in which they are, a kill.
FACTS = 6
BATCH = 10
SPREAD = 1.5

RETRIES = ",".join(["0.2"] * 10 + ["1"] * 30)

EVENTS = "select notification_id, originator_id, topic, tenant from log.events order by notification_id"
OPEN = """
select (select count(*) from delivery.deliveries where state <> 'delivered')
     + (select head.position - progress.position from log.head cross join delivery.progress) as left_over
"""
DELIVERED = "select webhook, position from delivery.deliveries where state = 'delivered'"


class Plan(NamedTuple):
    """How many deliveries, through how many kills, within how many seconds once everything has happened."""

    deliveries: int
    kills: int
    seed: int
    seconds: float = 600.0
    hasty: bool = False

    @property
    def instances(self) -> int:
        return max(self.deliveries // (len(KINDS) - 1) // FACTS, BATCH)  # one of them is gone for most of the time


class Event(NamedTuple):
    """A fact of the log."""

    position: int
    stream: str
    topic: str
    tenant: str


class Seen(NamedTuple):
    """What the checker looks at; ``webhooks`` are ULIDs by kind of receiver, ``marked`` are deliveries by webhook."""

    events: Sequence[Event]
    webhooks: Mapping[str, str]
    came: Mapping[str, Sequence[Came]]
    unverified: Sequence[str]
    marked: Mapping[str, frozenset[int]]
    left_over: int


async def deliver_and_kill(data_dir: Path, plan: Plan, progress: Progress | None = None) -> tuple[str, list[str]]:
    """Run it; return what happened, in words, and what must not have."""
    chance = random.Random(plan.seed)
    node = Node(
        data_dir,
        free_port(),
        HASTY if plan.hasty else SERVE,
        ROOT,
        ANNALS_WEBHOOK_PRIVATE_TARGETS="127.0.0.1",
        ANNALS_WEBHOOK_TIMEOUT=str(TIME_OUT),
        ANNALS_WEBHOOK_RETRIES=RETRIES,
    )
    async with receiving(plan.seed) as receivers, running(node), Patient(node.url) as client:
        webhooks = await _created(client, receivers)
        happening = asyncio.create_task(_happen(client, plan, progress))
        await _kill(node, plan.kills, chance, progress)
        await happening
        wrong = await _come_back(client, receivers, webhooks["going"], min(plan.seconds, 60.0))
        seen = await _seen(data_dir, receivers, webhooks, plan.seconds)
    return f"seed {plan.seed}, {plan.kills} kills: {summary(seen)}; {client.told()}", wrong + judge(seen)


async def _created(client: Patient, receivers: Receivers) -> dict[str, str]:
    """Create a webhook for each kind of receiver; return their ULIDs."""
    body = {"bpmnProcessId": "delivered", "bpmnXml": MODEL, "version": "1", "workerId": "deliveries"}
    await client.ask("POST", "/processes", body)
    webhooks = {}
    for kind in KINDS:
        hook = {"url": receivers.url_of(kind), "secret": receivers.secrets[kind], "ordered": KINDS[kind].ordered}
        webhooks[kind] = (await client.ask("POST", "/webhooks", hook))["id"].removeprefix("whk_")
    return webhooks


async def _happen(client: Patient, plan: Plan, progress: Progress | None) -> None:
    """Start instances all the while that the node is killed."""
    bar = progress.add_task("instances", total=plan.instances) if progress else None
    item = {"bpmnProcessId": "delivered", "version": "1", "workerId": "deliveries"}
    pause = plan.kills * SPREAD * BATCH / plan.instances
    for _ in range(0, plan.instances, BATCH):
        await client.ask("POST", "/process-instances/batch", {"items": [item] * BATCH})
        if progress is not None and bar is not None:
            progress.advance(bar, BATCH)
        await asyncio.sleep(pause)


async def _kill(node: Node, kills: int, chance: random.Random, progress: Progress | None) -> None:
    bar = progress.add_task("kills", total=kills) if progress else None
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.3, 2.0))
        await (kill_database(node.data_dir) if chance.random() < 0.4 else kill_server(node))
        if progress is not None and bar is not None:
            progress.advance(bar)


async def _come_back(client: Patient, receivers: Receivers, webhook: str, seconds: float) -> list[str]:
    """Wait until the webhook of the receiver that is gone is disabled; have the receiver be back, and enable it."""
    ends = asyncio.get_running_loop().time() + seconds
    path = f"/webhooks/whk_{webhook}"
    while (shown := await client.ask("GET", path, None, keyed=False))["enabled"]:
        if asyncio.get_running_loop().time() > ends:
            return ["the webhook of a receiver that says it is gone is not disabled"]
        await asyncio.sleep(0.2)
    receivers.away = False
    await client.ask("POST", f"{path}/enable", None)
    return [] if shown["disabledReason"] == "gone" else [f"it is disabled because it is {shown['disabledReason']}"]


async def _seen(data_dir: Path, receivers: Receivers, webhooks: Mapping[str, str], seconds: float) -> Seen:
    """Wait until nothing is left to be delivered, or the time is over, and look at everything."""
    async with connected(data_dir) as connection:
        ends = asyncio.get_running_loop().time() + seconds
        while (left := await connection.fetchval(OPEN)) and asyncio.get_running_loop().time() < ends:  # noqa: ASYNC110  (the node does it)
            await asyncio.sleep(0.5)
        events = [Event(*row) for row in await connection.fetch(EVENTS)]
        marked: defaultdict[str, set[int]] = defaultdict(set)
        for webhook, position in await connection.fetch(DELIVERED):
            marked[webhook].add(position)
    by_webhook = {webhook: frozenset(positions) for webhook, positions in marked.items()}
    return Seen(events, webhooks, receivers.came, receivers.unverified, by_webhook, left)


def summary(seen: Seen) -> str:
    came = [one for kind in seen.came.values() for one in kind]
    taken = len({one.id for one in came if one.taken})
    again = sum(1 for one in came if one.taken) - taken
    by_kind = ", ".join(f"{kind} {len(rows)}" for kind, rows in sorted(seen.came.items()))
    return f"{taken} deliveries of {len(seen.events)} events taken in {len(came)} attempts, {again} twice; {by_kind}"


def judge(seen: Seen) -> list[str]:
    """Return what does not hold, in words."""
    found = [f"{seen.left_over} deliveries or events were left over"] if seen.left_over else []
    found += [f"a signature does not verify: {reason}" for reason in seen.unverified[:10]]
    for kind, webhook in seen.webhooks.items():
        came = seen.came.get(kind, ())
        expected = expected_of(webhook, seen.events)
        taken = {one.position for one in came if one.taken}
        found += _named(kind, "never taken, though it was to be", sorted(expected - taken))
        found += _named(kind, "taken, though it was not to be", sorted(taken - expected))
        found += _named(kind, "marked as delivered, but never taken", sorted(seen.marked.get(webhook, set()) - taken))
        found += _judge_bytes(kind, webhook, came)
        if KINDS[kind].ordered:
            first = list(dict.fromkeys(one.position for one in came if one.taken))
            found += [] if first == sorted(first) else [f"{kind}: the order is not that of the log"]
    return found


def expected_of(webhook: str, events: Iterable[Event]) -> frozenset[int]:
    """Return the positions that a webhook which wants everything is to get: while it is there and not disabled."""
    expected, active, own = set(), False, f"webhook-{webhook}"
    for event in events:
        if event.stream == own and event.topic in {"webhook.created.v1", "webhook.enabled.v1"}:
            active = True
        elif event.stream == own and event.topic == "webhook.disabled.v1":
            active = False
        elif active and event.tenant == "default":
            expected.add(event.position)
    return frozenset(expected)


def _judge_bytes(kind: str, webhook: str, came: Iterable[Came]) -> list[str]:
    """Check that ids are those of the events, that each has one body, and that numbers rise with positions by one."""
    found = [f"{kind}: the id {one.id} is not that of {one.position}" for one in came if one.id != _id(webhook, one)]
    bodies: defaultdict[int, set[str]] = defaultdict(set)
    for one in came:
        bodies[one.position].add(one.digest)
    found += _named(kind, "sent with different bytes", sorted(p for p, digests in bodies.items() if len(digests) > 1))
    numbers = sorted({(one.position, one.sequence) for one in came})
    if [sequence for _, sequence in numbers] != list(range(1, len(bodies) + 1)):
        found.append(f"{kind}: the numbers of deliveries are not 1..{len(bodies)}")
    return found


def _id(webhook: str, one: Came) -> str:
    return f"msg_{webhook}-{one.position}"


def _named(kind: str, what: str, positions: Sequence[int]) -> list[str]:
    return [f"{kind}: {len(positions)} {what}: {positions[:5]}"] if positions else []


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--seconds", type=float, default=600.0, help="at most, for what is left in the end")
    parser.add_argument("--hasty", action="store_true", help="the control: what is about to be sent is marked before")
    options = parser.parse_args(arguments)
    plan = Plan(options.deliveries, options.kills, options.seed, options.seconds, options.hasty)
    with scratch_directory("deliveries") as directory, Progress() as progress:
        told, violations = asyncio.run(deliver_and_kill(directory / "data", plan, progress))
    return concluded(told, violations, "none missing, ids and bytes stable, every signature verified, order kept")


if __name__ == "__main__":
    sys.exit(main())
