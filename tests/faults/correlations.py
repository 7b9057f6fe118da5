"""Messages before, during and after subscription, with duplicates, through kills (contracts/engine.md 2.9).

None is lost while it lasts, none is correlated twice, and who waits receives one. Each correlation key has a few
instances that wait for it and a few messages, sent before they wait, at the same time or after that; each message has a
unique key and is sent again under it, and so are those that start an instance each. Meanwhile server and database are
killed. The checker reads nothing but what was acknowledged and the log.

The long form, with its seed: ``python -m tests.faults.correlations --messages 10000 --kills 10``.
"""

import argparse
import asyncio
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from rich.progress import Progress

from domain.bpmn.events import EventTriggered, ProcessInstanceCompleted, ProcessInstanceStarted
from domain.event import Event
from domain.messaging.channel import Channel, evolve
from domain.messaging.events import MessageCorrelated, MessageSent
from infra.codec import decode
from infra.scratch_directory import scratch_directory
from tests.faults.killing import kill_database, kill_server
from tests.faults.node import Node, free_port, running
from tests.faults.occurrences import connected
from tests.faults.patient import Patient
from tests.faults.verdicts import concluded
from tests.modelling import bpmn

MODELS = {
    "waits": bpmn("s:startEvent c:messageCatch~paid e:endEvent", "s>c c>e", "waits"),
    "opens": bpmn("s:messageStart~opened u:userTask", "s>u", "opens"),
}
PHASES = ("before", "during", "after")
AT_ONCE = 16
LONGEST_REST_SECONDS = 120.0

FACTS = """
select originator_id, happened_at, correlation_id, topic, state from log.events
 where topic ~ '^(message|event|process_instance)\\.' order by notification_id
"""


class Fact(NamedTuple):
    """A fact of the log with its stream, its time and the command that it came from."""

    stream: str
    at: datetime
    command: str
    event: Event


class Plan(msgspec.Struct):
    """What is done about a correlation key, and when.

    ``messages`` are by unique key, each with how often it is sent and how long it lasts. Where no ``receivers`` are
    started to wait for them, each starts an instance.
    """

    key: str
    phase: str
    messages: dict[str, tuple[int, str]]
    receivers: int


class Sent(msgspec.Struct):
    """What clients know: ids answered by unique key, instances started by key, and keys that are waited for."""

    answered: defaultdict[str, set[int]] = msgspec.field(default_factory=lambda: defaultdict(set))
    started: Counter[str] = msgspec.field(default_factory=Counter)
    subscribed: Counter[str] = msgspec.field(default_factory=Counter)
    running: bool = True


def plans(messages: int, chance: random.Random) -> list[Plan]:
    """Return what is done, with so many messages in all, without their duplicates."""
    made: list[Plan] = []
    left = messages
    while left > 0:
        key, phase = f"k{len(made)}", chance.choice(PHASES)
        if chance.random() < 0.1:
            made.append(Plan(key, "start", {f"{key}-0": (chance.randint(2, 4), "")}, 0))
        else:
            number = min(left, chance.randint(1, 3))
            each = {f"{key}-{n}": (chance.choice([1, 1, 2, 3]), _lifetime(chance, phase)) for n in range(number)}
            made.append(Plan(key, phase, each, chance.choice([1, 1, 2])))
        left -= len(made[-1].messages)
    return made


def _lifetime(chance: random.Random, phase: str) -> str:
    return "PT1S" if phase == "before" and chance.random() < 0.2 else "PT1H"


async def send_and_kill(
    data_dir: Path, messages: int, kills: int, seed: int, progress: Progress | None = None
) -> tuple[str, list[str]]:
    """Run it; return what happened, in words, and what must not have."""
    chance = random.Random(seed)
    node = Node(data_dir, free_port())
    planned = plans(messages, chance)
    sent = Sent()
    async with running(node), Patient(node.url) as client:
        for process_id, xml in MODELS.items():
            body = {"bpmnProcessId": process_id, "bpmnXml": xml, "version": "1", "workerId": "deployer"}
            await client.ask("POST", "/processes", body)
        workers = [asyncio.create_task(_work(client, sent, f"worker-{number}")) for number in range(4)]
        killing = asyncio.create_task(_kill(node, kills, chance, progress))
        await _carry_out(client, sent, planned, progress)
        await killing
        await _until_all_wait(sent, planned)
        sent.running = False
        await asyncio.gather(*workers)
        facts = await _facts_at_rest(data_dir)
        return f"seed {seed}, {kills} kills: {summary(facts)}; {client.told()}", judge(facts, planned, sent)


async def _carry_out(client: Patient, sent: Sent, planned: Sequence[Plan], progress: Progress | None) -> None:
    bar = progress.add_task("messages", total=sum(len(plan.messages) for plan in planned)) if progress else None
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(plan: Plan) -> None:
        async with at_once:
            await _carry_out_one(client, sent, plan)
        if progress is not None and bar is not None:
            progress.advance(bar, len(plan.messages))

    await asyncio.gather(*(one(plan) for plan in planned))


async def _carry_out_one(client: Patient, sent: Sent, plan: Plan) -> None:
    match plan.phase:
        case "during":
            await asyncio.gather(_send(client, sent, plan), _start(client, sent, plan))
        case "after":
            await _start(client, sent, plan)
            while sent.subscribed[plan.key] < plan.receivers:  # noqa: ASYNC110  (workers count, they signal nothing)
                await asyncio.sleep(0.01)
            await _send(client, sent, plan)
        case _:
            await _send(client, sent, plan)
            await _start(client, sent, plan)


async def _send(client: Patient, sent: Sent, plan: Plan) -> None:
    """Send each message as often as planned, all at the same time."""

    async def send(unique_key: str, lifetime: str) -> None:
        body: dict[str, Any] = {
            "name": "paid" if plan.receivers else "opened",
            "correlationKey": plan.key,
            "uniqueKey": unique_key,
            "workerId": "sender",
        }
        if lifetime:
            body["expirationTimer"] = {"timeDuration": lifetime}
        answer = await client.ask("POST", "/messages", body)
        sent.answered[unique_key].add(answer["id"])

    each = [(unique_key, lifetime) for unique_key, (times, lifetime) in plan.messages.items() for _ in range(times)]
    await asyncio.gather(*(send(unique_key, lifetime) for unique_key, lifetime in each))


async def _start(client: Patient, sent: Sent, plan: Plan) -> None:
    body = {"bpmnProcessId": "waits", "version": "1", "correlationKey": plan.key, "workerId": "starter"}
    for _ in range(plan.receivers):
        await client.ask("POST", "/process-instances", body)
        sent.started[plan.key] += 1


async def _work(client: Patient, sent: Sent, name: str) -> None:
    """Say what each instance waits for: the correlation key that it was started with."""
    while sent.running:
        jobs = (await client.ask("POST", "/jobs/lock", {"limit": 20, "workerId": name}, keyed=False))["jobs"]
        for job in jobs:
            body = {"workerId": name, "completion": {"messageCorrelationKey": job["correlationKey"]}}
            done = await client.ask("PATCH", f"/jobs/{job['partition']}/{job['id']}/complete", body)
            assert "error" not in done, done
            sent.subscribed[job["correlationKey"]] += 1
        if not jobs:  # some may have been locked by a request whose answer was lost
            await client.ask("POST", "/jobs/unlock", {"workerId": name}, keyed=False)
            await asyncio.sleep(0.02)


async def _kill(node: Node, kills: int, chance: random.Random, progress: Progress | None) -> None:
    bar = progress.add_task("kills", total=kills) if progress else None
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        await (kill_database(node.data_dir) if chance.random() < 0.5 else kill_server(node))
        if progress is not None and bar is not None:
            progress.advance(bar)


async def _until_all_wait(sent: Sent, planned: Sequence[Plan]) -> None:
    async with asyncio.timeout(LONGEST_REST_SECONDS):
        while sent.subscribed.total() < sum(plan.receivers for plan in planned):  # noqa: ASYNC110  (workers count)
            await asyncio.sleep(0.05)


async def _facts_at_rest(data_dir: Path) -> list[Fact]:
    """Return the facts once the engine has nothing left to do."""
    async with connected(data_dir) as connection, asyncio.timeout(LONGEST_REST_SECONDS):
        while await connection.fetchval("select count(*) from log.open_tasks"):  # noqa: ASYNC110  (the node does them)
            await asyncio.sleep(0.2)
        rows = await connection.fetch(FACTS)
    return [Fact(stream, at, command, decode(topic, state)) for stream, at, command, topic, state in rows]


def summary(facts: Iterable[Fact]) -> str:
    kinds = Counter(type(fact.event).__name__ for fact in facts)
    correlated, instances = kinds["MessageCorrelated"], kinds["ProcessInstanceStarted"]
    return f"{kinds['MessageSent']} messages sent, {correlated} correlated, {instances} instances started"


def judge(facts: Sequence[Fact], planned: Sequence[Plan], sent: Sent) -> list[str]:
    """Return what does not hold, in words, once nothing is left to do."""
    channels: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.stream.startswith("channel-"):
            channels[fact.stream].append(fact)
    found = [wrong for stream, own in channels.items() for wrong in _judge_channel(stream, own)]
    return [*found, *_judge_receivers(facts), *_judge_answers(facts, planned, sent)]


def _judge_channel(stream: str, facts: Sequence[Fact]) -> list[str]:
    """Check that nobody waits beside a message that lasts, and that a unique key stands for one message at a time."""
    found: list[str] = []
    channel = Channel({}, {})
    correlated: set[int] = set()
    for _, group in groupby(facts, lambda fact: fact.command):
        for _, at, _, event in group:
            if isinstance(event, MessageSent) and channel.same(event.unique_key, at) is not None:
                found.append(f"unique key {event.unique_key} of {stream} stands for two messages")
            if isinstance(event, MessageCorrelated):
                found += _judge_correlation(stream, channel, event, at, correlated)
            if not isinstance(event, MessageCorrelated) or event.id in channel.messages:
                channel = evolve(channel, event, at, "", "")  # type: ignore[arg-type]  # by its stream
        if channel.subscriptions and channel.buffered(at) is not None:
            found.append(f"a message of {stream} waits beside a subscription")
    return found


def _judge_correlation(
    stream: str, channel: Channel, event: MessageCorrelated, at: datetime, correlated: set[int]
) -> list[str]:
    """Check one meeting: a message meets a receiver once, and not when it has expired since it was sent."""
    found = []
    if event.id in correlated:
        found.append(f"message {event.id} of {stream} was correlated twice")
    correlated.add(event.id)
    message = channel.messages.get(event.id)
    if message is None:
        found.append(f"message {event.id} of {stream} was correlated without having been sent")
    elif message.sent.expires_at <= at != message.created_at:
        found.append(f"message {event.id} of {stream} was correlated after it had expired")
    if event.subscription_id and event.subscription_id not in channel.subscriptions:
        found.append(f"subscription {event.subscription_id} of {stream} received more than one message")
    return found


def _judge_receivers(facts: Sequence[Fact]) -> list[str]:
    """Check that each message that met a receiver triggered one event or started one instance, and others none."""
    correlated: Counter[int] = Counter()
    triggered: Counter[int] = Counter()
    for fact in facts:
        if isinstance(fact.event, MessageCorrelated):
            correlated[fact.event.id] += 1
        elif isinstance(fact.event, EventTriggered | ProcessInstanceStarted) and fact.event.message_id:
            triggered[fact.event.message_id] += 1
    return [
        f"message {number} was correlated {correlated[number]} times and had its effect {triggered[number]} times"
        for number in correlated.keys() | triggered.keys()
        if (correlated[number], triggered[number]) != (1, 1)
    ]


def _judge_answers(facts: Sequence[Fact], planned: Sequence[Plan], sent: Sent) -> list[str]:
    """Check that what was acknowledged is there, and that each key has what comes of its messages and instances."""
    stored: defaultdict[str, set[int]] = defaultdict(set)
    lasting: Counter[str] = Counter()
    started: Counter[str] = Counter()
    keys: dict[str, str] = {}
    completed: Counter[str] = Counter()
    for stream, at, _, event in facts:
        if isinstance(event, MessageSent):
            stored[event.unique_key].add(event.id)
            lasting[event.correlation_key] += (event.expires_at - at).total_seconds() > 60
        elif isinstance(event, ProcessInstanceStarted):
            started[event.correlation_key] += 1
            keys[stream] = event.correlation_key
        elif isinstance(event, ProcessInstanceCompleted):
            completed[keys.get(stream, "")] += 1
    found = [
        f"message {key} was answered with {ids - stored[key]}"
        for key, ids in sent.answered.items()
        if ids - stored[key]
    ]
    for plan in planned:
        wanted = plan.receivers or 1
        if started[plan.key] != wanted:
            found.append(f"{started[plan.key]} instead of {wanted} instances of {plan.key} were started")
        if completed[plan.key] < min(plan.receivers, lasting[plan.key]):
            found.append(f"{completed[plan.key]} instances of {plan.key} received one of {lasting[plan.key]} messages")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args(arguments)
    with scratch_directory("messages") as directory, Progress() as progress:
        run = send_and_kill(directory / "data", options.messages, options.kills, options.seed, progress)
        told, violations = asyncio.run(run)
    return concluded(told, violations, "none lost while it lasted, none correlated twice, one receiver each")


if __name__ == "__main__":
    sys.exit(main())
