"""One fleet of workers on several nodes: each request goes to whichever, and what they are given is written down.

The checker reads the log: every job and task has at most one holder at a time and one end, done by its holder.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import asyncpg
import msgspec

from tests.faults.node import KEY

Job = tuple[str, int]

#: All facts about work, with who appended them, in the order of the log.
WORK = """
select split_part(topic, '.', 1) as kind, split_part(topic, '.', 2) as what, actor_id, originator_id,
       substr(originator_id, 10, 10) as partition, (convert_from(state, 'UTF8')::json ->> 'id')::int as id
  from log.events
 where topic ~ '^(job|task)\\.'
 order by notification_id
"""

ENDS = {"completed", "failed", "canceled"}

#: Element instance ids in the order in which an instance got them.
ENTERED = """
select originator_id, array_agg((convert_from(state, 'UTF8')::json ->> 'id')::int order by originator_version) as ids
  from log.events
 where topic in ('element.entered.v1', 'element.passed.v1')
 group by originator_id
"""


class Fleet(msgspec.Struct):
    """Workers, the URLs that they use, and what they have learnt."""

    urls: Sequence[str]
    seed: int
    running: bool = True
    answers: Counter[int] = msgspec.field(default_factory=Counter)
    ended: Counter[Job] = msgspec.field(default_factory=Counter)
    held: dict[Job, str] = msgspec.field(default_factory=dict)
    given_twice: list[Job] = msgspec.field(default_factory=list)
    refused: list[Any] = msgspec.field(default_factory=list)

    async def work(self, name: str) -> None:
        """Lock at one node, report at another; give a part back, let a part fail, until there is nothing more to do."""
        chance = random.Random(f"{self.seed}-{name}")
        async with aiohttp.ClientSession(headers={"Authorization": KEY}) as session:
            while self.running:
                body = {"limit": chance.randint(1, 8), "workerId": name}
                jobs = (await self._call(session, chance, "POST", "/jobs/lock", body))["jobs"]
                for job in jobs:
                    self._take((job["partition"], job["id"]), name)
                if not jobs:
                    await asyncio.sleep(0.01)
                elif chance.random() < 0.1:
                    await self._give_back(session, chance, name)
                else:
                    await asyncio.gather(*(self._report(session, chance, name, job) for job in jobs))

    def _take(self, job: Job, name: str) -> None:
        if job in self.held:
            self.given_twice.append(job)
        self.held[job] = name

    async def _give_back(self, session: aiohttp.ClientSession, chance: random.Random, name: str) -> None:
        mine = [job for job, worker in self.held.items() if worker == name]
        for job in mine:  # before the request: another may have it before we hear the answer
            del self.held[job]
        answer = await self._call(session, chance, "POST", "/jobs/unlock", {"workerId": name})
        if answer["count"] != len(mine):
            self.refused.append((name, "gave back", answer["count"], "of", len(mine)))

    async def _report(
        self, session: aiohttp.ClientSession, chance: random.Random, name: str, job: Mapping[str, Any]
    ) -> None:
        key = (job["partition"], job["id"])
        body: dict[str, Any] = {"workerId": name}
        if chance.random() < 0.1:
            body.update(error="on purpose", retryLimit=20)
        del self.held[key]
        await self._call(session, chance, "PATCH", f"/jobs/{job['partition']}/{job['id']}/complete", body)
        self.ended[key] += 1

    async def _call(
        self, session: aiohttp.ClientSession, chance: random.Random, method: str, path: str, body: object
    ) -> Any:
        """Ask one of the nodes; nothing that a worker does here may be refused."""
        async with session.request(method, chance.choice(self.urls) + path, json=body) as response:
            self.answers[response.status] += 1
            told = await response.json(content_type=None)
            if response.status != 200:
                self.refused.append((method, path, told))
            return told


async def violations(dsn: str) -> tuple[list[str], Counter[str]]:
    """Return what does not hold in the log, in words, and how many of each kind of fact were looked at."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(WORK)
        entered = await connection.fetch(ENTERED)
    finally:
        await connection.close()
    seen = Counter(f"{row['kind']} {row['what']}" for row in rows)
    found = [f"ids of {row['originator_id']} do not rise" for row in entered if sorted(row["ids"]) != row["ids"]]
    return found + _broken_rules(rows), seen


def _broken_rules(rows: Sequence[Any]) -> list[str]:
    holders: dict[tuple[str, str, int], str] = {}
    ends: defaultdict[tuple[str, str, int], int] = defaultdict(int)
    found = []
    for kind, what, actor, _stream, partition, number in rows:
        work = (kind, partition, number)
        if what == "locked":
            if work in holders or ends[work]:
                found.append(f"{work} was locked by {actor} though {holders.get(work, 'ended')}")
            holders[work] = actor
        elif what == "unlocked":
            if holders.pop(work, None) is None:
                found.append(f"{work} was unlocked though nobody held it")
        elif what in ENDS:
            ends[work] += 1
            holder = holders.pop(work, actor if what == "canceled" else None)
            if holder != actor or ends[work] > 1:
                found.append(f"{work} was {what} by {actor}, for the {ends[work]}. time")
    return found
