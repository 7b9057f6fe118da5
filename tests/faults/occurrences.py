"""Timers through clock steps and kills: each occurrence happens once, none too early, none is lost (2.11, 3.3 no. 8).

Three kinds: catch events, of which each happens once; boundary events that do not interrupt, which are armed anew each
time; start events of a cycle, whose missed times are caught up one by one. While instances are started and the clock is
stepped forward, server and database are killed. The checker reads nothing but what was acknowledged and the log.

The long form, with its seed: ``python -m tests.faults.occurrences --timers 10000 --kills 10``.
"""

import argparse
import asyncio
import random
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import asyncpg
from rich.progress import Progress

from domain.bpmn.events import (
    EventTriggered,
    ProcessInstanceCompleted,
    ProcessInstanceStarted,
    TaskCanceled,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
)
from domain.event import Event
from infra.codec import decode
from infra.scratch_directory import scratch_directory
from tests.faults.killing import kill_database, kill_server, started_again
from tests.faults.node import Node, free_port, running
from tests.faults.patient import Patient
from tests.faults.verdicts import concluded
from tests.modelling import bpmn

DURATIONS = ("PT5M", "PT1H", "PT100M", "PT7H", "P1D")
STEPS = ("PT1S", "PT20M", "PT1H", "PT3H", "PT11H")
HOUR = timedelta(hours=1)
BATCH = 100
LONGEST_CATCH_UP_SECONDS = 300.0

FACTS = """
select originator_id, happened_at, topic, state from log.events
 where topic ~ '^(task|event|process_instance)\\.' order by notification_id
"""


class Fact(NamedTuple):
    """A fact of the log with its stream and the engine time at which it happened."""

    stream: str
    at: datetime
    event: Event


class Timers(NamedTuple):
    """How many of each kind there are to be."""

    catches: int
    activities: int
    starts: int

    @classmethod
    def of(cls, total: int) -> "Timers":
        """Return so many that happen once, and a few that happen some dozen times each."""
        return cls(total, max(total // 100, 2), max(total // 1_000, 2))


def models(timers: Timers) -> dict[str, str]:
    """Return the processes by their ids."""
    catches = {
        f"catch-{d}": bpmn(f"s:startEvent c:timerCatch~{d} e:endEvent", "s>c c>e", f"catch-{d}") for d in DURATIONS
    }
    activity = bpmn("s:startEvent a:userTask b:timerBoundary+a~PT1H e:endEvent", "s>a a>e", "activity")
    starts = {f"start-{n}": bpmn("s:timerStart~@hourly e:endEvent", "s>e", f"start-{n}") for n in range(timers.starts)}
    return {**catches, "activity": activity, **starts}


async def step_and_kill(
    data_dir: Path, timers: Timers, kills: int, seed: int, progress: Progress | None = None
) -> tuple[str, list[str]]:
    """Run it; return what happened, in words, and what must not have."""
    chance = random.Random(seed)
    node = Node(data_dir, free_port(), ANNALS_SET_TIME_ENABLED="true")
    async with running(node), Patient(node.url) as client:
        for process_id, xml in models(timers).items():
            body = {"bpmnProcessId": process_id, "bpmnXml": xml, "version": "1", "workerId": "timers"}
            await client.ask("POST", "/processes", body)
        starting = asyncio.create_task(_start(client, timers, chance, progress))
        await _kill(node, client, kills, chance, progress)
        keys = await starting
        now = await _last_step(client)
        facts = await _facts_when_done(data_dir, now)
        return f"seed {seed}, {kills} kills: {summary(facts)}; {client.told()}", judge(facts, keys, now)


async def _start(client: Patient, timers: Timers, chance: random.Random, progress: Progress | None) -> list[str]:
    """Start all instances, a batch at a time; return their correlation keys."""
    wanted = [(f"catch-{chance.choice(DURATIONS)}", f"c{number}") for number in range(timers.catches)]
    wanted += [("activity", f"a{number}") for number in range(timers.activities)]
    chance.shuffle(wanted)
    bar = progress.add_task("instances", total=len(wanted)) if progress else None
    for first in range(0, len(wanted), BATCH):
        items = [
            {"bpmnProcessId": process_id, "version": "1", "correlationKey": key, "workerId": "timers"}
            for process_id, key in wanted[first : first + BATCH]
        ]
        await client.ask("POST", "/process-instances/batch", {"items": items})
        if progress is not None and bar is not None:
            progress.advance(bar, len(items))
        await asyncio.sleep(0.05)
    return [key for _, key in wanted]


async def _kill(node: Node, client: Patient, kills: int, chance: random.Random, progress: Progress | None) -> None:
    """Step the clock a few times before each kill, and kill at some moment after that."""
    bar = progress.add_task("kills", total=kills) if progress else None
    for _ in range(kills):
        for _ in range(3):
            await _step(client, chance.choice(STEPS))
            await asyncio.sleep(chance.uniform(0, 0.4))
        await (kill_database(node.data_dir) if chance.random() < 0.5 else kill_server(node))
        if progress is not None and bar is not None:
            progress.advance(bar)


async def _step(client: Patient, duration: str) -> datetime:
    """Move the clock; return the time from then on."""
    answer = await client.ask("PATCH", "/time", {"timeDuration": duration})
    return datetime.fromisoformat(answer["newTime"])


async def _last_step(client: Patient) -> datetime:
    """Move the clock past all that there is once, to half past an hour: nothing is due soon after that."""
    now = (await _step(client, "PT1S") + timedelta(days=2)).replace(minute=30, second=0, microsecond=0)
    await client.ask("PATCH", "/time", {"time": now.isoformat()})
    return now


async def _facts_when_done(data_dir: Path, now: datetime) -> list[Fact]:
    """Return the facts once nothing is left that was due then; missed times of a cycle are due when they are found."""
    async with connected(data_dir) as connection, asyncio.timeout(LONGEST_CATCH_UP_SECONDS):
        overdue = "select count(*) from log.open_tasks where due_at <= $1"
        while await connection.fetchval(overdue, now + HOUR / 4):  # noqa: ASYNC110  (the node does them)
            await asyncio.sleep(0.2)
        rows = await connection.fetch(FACTS)
    return [Fact(stream, at, decode(topic, state)) for stream, at, topic, state in rows]


@asynccontextmanager
async def connected(data_dir: Path) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Connect to the database of a node, once it runs."""
    connection = await asyncpg.connect(await started_again(data_dir))
    try:
        yield connection
    finally:
        await connection.close()


def summary(facts: Iterable[Fact]) -> str:
    kinds: Counter[str] = Counter()
    for _, _, event in facts:
        if isinstance(event, EventTriggered) and event.timer:
            kinds["catch" if event.element == "c" else "boundary"] += 1
        elif isinstance(event, ProcessInstanceStarted) and event.start_event:
            kinds["start"] += 1
    told = ", ".join(f"{number} {kind} events" for kind, number in sorted(kinds.items()))
    return f"{kinds.total()} timers happened: {told}"


def judge(facts: Sequence[Fact], keys: Sequence[str], now: datetime) -> list[str]:
    """Return what does not hold, in words: ``keys`` were acknowledged, and all that was due ``now`` has been done."""
    return [
        *_judge_tasks(facts, now),
        *_judge_instances(facts, keys),
        *_judge_activities(facts),
        *_judge_starts(facts, now),
    ]


def _judge_tasks(facts: Sequence[Fact], now: datetime) -> list[str]:
    """Check that each timer that was set came once, not before it was due, and has come when it was due."""
    ends: Counter[tuple[str, int]] = Counter()
    due: dict[tuple[str, int], datetime] = {}
    found = []
    for stream, at, event in facts:
        if isinstance(event, TaskCreated):
            if (stream, event.id) in due:
                found.append(f"timer {event.id} of {stream} was set twice")
            due[stream, event.id] = event.due_at
        elif isinstance(event, TaskFailed):
            found.append(f"timer {event.id} of {stream} failed: {event.error}")
        elif isinstance(event, TaskCompleted | TaskCanceled):
            ends[stream, event.id] += 1
            if at < due.get((stream, event.id), at + HOUR):
                found.append(f"timer {event.id} of {stream} came at {at}, too early or without having been set")
    for task, moment in due.items():
        if ends[task] != (moment <= now):
            found.append(f"timer {task}, due at {moment}, came {ends[task]} times")
    return found


def _judge_instances(facts: Sequence[Fact], keys: Sequence[str]) -> list[str]:
    """Check that each acknowledged instance exists once, and each catch event in one happened once and ended it."""
    streams: defaultdict[str, list[str]] = defaultdict(list)
    happened: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    for stream, _, event in facts:
        if isinstance(event, ProcessInstanceStarted) and event.correlation_key:
            streams[event.correlation_key].append(stream)
        elif isinstance(event, EventTriggered) and event.timer:
            happened[stream] += 1
        elif isinstance(event, ProcessInstanceCompleted):
            ended[stream] += 1
    found = [f"instance {key} was started {len(streams[key])} times" for key in keys if len(streams[key]) != 1]
    caught = [(key, stream) for key in keys if key.startswith("c") for stream in streams[key]]
    for key, stream in caught:
        if (happened[stream], ended[stream]) != (1, 1):
            found.append(f"the catch event of {key} happened {happened[stream]} times, it ended {ended[stream]} times")
    return found


def _judge_activities(facts: Sequence[Fact]) -> list[str]:
    """Check that an activity always has one timer beside it: each follows one that has come, an hour later."""
    found = []
    last: dict[str, datetime] = {}
    for stream, at, event in facts:
        if isinstance(event, EventTriggered) and event.element == "b":
            if stream not in last:
                found.append(f"the timer of {stream} came without having been set")
            last.pop(stream, None)
        elif isinstance(event, TaskCreated) and event.element == "b":
            if stream in last:
                found.append(f"a second timer was set in {stream}")
            if event.due_at != at + HOUR:
                found.append(f"a timer of {stream} was set at {at} for {event.due_at}")
            last[stream] = event.due_at
    begun = {stream for stream, _, e in facts if isinstance(e, ProcessInstanceStarted) and e.correlation_key[:1] == "a"}
    return found + [f"no timer is set in {stream}" for stream in begun - last.keys()]


def _judge_starts(facts: Sequence[Fact], now: datetime) -> list[str]:
    """Check that a cycle is due each hour from the first on, once, and starts an instance each time."""
    due: defaultdict[str, list[datetime]] = defaultdict(list)
    started: Counter[str] = Counter()
    for _, _, event in facts:
        if isinstance(event, TaskCreated) and event.bpmn_process_id:
            due[event.bpmn_process_id].append(event.due_at)
        elif isinstance(event, ProcessInstanceStarted) and event.start_event:
            started[event.bpmn_process_id] += 1
    found = []
    for process_id, times in due.items():
        if times != [times[0] + number * HOUR for number in range(len(times))] or not times[-2:][0] <= now < times[-1]:
            found.append(f"the cycle of {process_id} was due at {', '.join(map(str, times))}, by {now}")
        if started[process_id] != len(times) - 1:
            found.append(f"{process_id} was started {started[process_id]} times, and due {len(times) - 1} times")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timers", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args(arguments)
    timers = Timers.of(options.timers)
    with scratch_directory("timers") as directory, Progress() as progress:
        run = step_and_kill(directory / "data", timers, options.kills, options.seed, progress)
        told, violations = asyncio.run(run)
    return concluded(told, violations, "each occurrence once, none too early, none lost")


if __name__ == "__main__":
    sys.exit(main())
