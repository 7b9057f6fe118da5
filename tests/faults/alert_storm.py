"""A storm of alerts: each key opens one incident, no alert is lost, and the engine goes on nearly as before (issue).

Half of the alerts come one a request, half in groups; all are signed, about a given number of things, in random order,
evenly over a time. Before the storm, during and after it workers run processes as fast as they can. The checker reads
nothing but answers and what the APIs show.

The long form, with its seed: ``python -m tests.faults.alert_storm --alerts 10000 --keys 100 --seconds 60``.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from infra.scratch_directory import scratch_directory
from tests.faults.node import KEY, Node, free_port, running
from tests.faults.verdicts import concluded
from tests.modelling import bpmn

MODEL = bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e", "beside")
GROUP = 50
SENDERS = 16
WORKERS = 4
PAGE = 100


class Plan(NamedTuple):
    """How many alerts about how many things over how many seconds; without seconds as fast as they can be sent."""

    alerts: int
    keys: int
    seconds: float = 0.0
    seed: int = 1

    def requests(self) -> list[list[str]]:
        """Return the keys of the alerts of each request; every key comes at least once."""
        chance = random.Random(self.seed)
        names = [f"alert-{number}" for number in range(self.keys)]
        keys = names + chance.choices(names, k=self.alerts - self.keys)
        chance.shuffle(keys)
        half = self.alerts // 2
        requests = [[key] for key in keys[:half]]
        requests += [keys[first : first + GROUP] for first in range(half, self.alerts, GROUP)]
        chance.shuffle(requests)
        return requests


class Seen(NamedTuple):
    """What came of a storm: what was answered, by status, and failures of each incident's external id."""

    answers: Counter[str]
    incidents: Sequence[tuple[str, int]]


class Engine:
    """Workers that start an instance, do its job, and begin again; ``done`` counts the instances."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._process_id = 0
        self.done = 0

    async def deploy(self) -> None:
        body = {"bpmnProcessId": "beside", "bpmnXml": MODEL, "version": "1", "workerId": "storm"}
        self._process_id = (await self._call("POST", "/processes", body))["id"]

    async def run(self) -> None:
        await asyncio.gather(*(self._work(f"worker-{number}") for number in range(WORKERS)))

    async def rate(self, seconds: float) -> float:
        """Return how many instances a second were done in the time from now."""
        before, began = self.done, time.perf_counter()
        await asyncio.sleep(seconds)
        return (self.done - before) / (time.perf_counter() - began)

    async def _work(self, worker: str) -> None:
        lock = {"limit": 1, "workerId": worker, "processIds": [self._process_id]}
        while True:
            start = {"bpmnProcessId": "beside", "version": "1", "workerId": worker}
            await self._call("POST", "/process-instances", start)
            for job in (await self._call("POST", "/jobs/lock", lock))["jobs"]:
                await self._call("PATCH", f"/jobs/{job['partition']}/{job['id']}/complete", {"workerId": worker})
                self.done += 1

    async def _call(self, method: str, path: str, body: object) -> Any:
        async with self._session.request(method, path, json=body) as response:
            assert response.status < 300, await response.text()
            return await response.json()


async def storm(data_dir: Path, plan: Plan, calm: float = 0.0) -> tuple[str, list[str]]:
    """Run it, between two halves of a ``calm`` of so many seconds; return what happened, and what must not have."""
    node = Node(data_dir, free_port(), ANNALS_INTAKE_LIMIT="1000000", ANNALS_ENTERPRISE_LIMIT="1000000")
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        running(node),
        aiohttp.ClientSession(node.url, headers={"Authorization": KEY}, connector=connector) as session,
    ):
        engine = Engine(session)
        await engine.deploy()
        working = asyncio.create_task(engine.run())
        try:
            calmly = [await engine.rate(calm / 2)] if calm else []
            done, began = engine.done, time.perf_counter()
            answers = await _send(session, plan)
            took = time.perf_counter() - began
            during = (engine.done - done) / took
            calmly += [await engine.rate(calm / 2)] if calm else []
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        seen = Seen(answers, await _incidents(session))
    told = f"seed {plan.seed}: {plan.alerts} alerts in {took:.1f} s ({plan.alerts / took:.0f}/s), {dict(answers)}"
    if calmly:
        told += f"; instances/s: {calmly[0]:.0f} before it, {during:.0f} during it, {calmly[1]:.0f} after it"
    return told, judge(plan, seen)


def judge(plan: Plan, seen: Seen) -> list[str]:
    """Return what must not have happened."""
    sent = Counter(key for keys in plan.requests() for key in keys)
    expected = Counter(accepted=plan.keys, duplicate=plan.alerts - plan.keys)
    found = [f"answered {dict(seen.answers)}"] if seen.answers != +expected else []
    known = Counter(key for key, _ in seen.incidents)
    found += [f"{key} has {known[key]} incidents" for key in sent if known[key] != 1]
    found += [f"{key} was never sent" for key in known if key not in sent]
    failures: Counter[str] = Counter()
    for key, count in seen.incidents:
        failures[key] += count
    found += [
        f"{key} was sent {sent[key]} times and counted {failures[key]}"
        for key in sent & failures
        if sent[key] != failures[key]
    ]
    return found


async def _send(session: aiohttp.ClientSession, plan: Plan) -> Counter[str]:
    """Send all requests, as evenly as that goes, from several senders; return the statuses of all alerts."""
    body = {"tenantId": "default", "provider": "alertmanager", "name": "storm"}
    async with session.post("/admin/intakes", json=body) as response:
        secret = (await response.json())["secret"].encode()
    answers: Counter[str] = Counter()
    requests = plan.requests()
    turns = iter(enumerate(requests))
    began = time.perf_counter()

    async def send() -> None:
        for number, keys in turns:
            due = began + plan.seconds * number / len(requests)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            raw = json.dumps({"version": "4", "alerts": [_alert(key) for key in keys]}).encode()
            signature = f"sha256={hmac.digest(secret, raw, hashlib.sha256).hex()}"
            headers = {"X-Webhook-Signature": signature, "Content-Type": "application/json"}
            async with session.post("/v1/webhooks/default/alertmanager", data=raw, headers=headers) as response:
                assert response.status == 202, await response.text()
                answers.update(row["status"] for row in (await response.json())["incidents"])

    await asyncio.gather(*(send() for _ in range(SENDERS)))
    return answers


def _alert(key: str) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "Storm", "severity": "warning", "instance": key},
        "annotations": {"summary": f"{key} is firing", "description": "as it has been for a while"},
        "startsAt": "2026-01-02T03:04:05Z",
        "fingerprint": key,
    }


async def _incidents(session: aiohttp.ClientSession) -> list[tuple[str, int]]:
    """Return the external id and the failures of every incident, by the feed."""
    found = []
    cursor: str | None = ""
    while cursor is not None:
        path = f"/v1/incidents?limit={PAGE}" + (f"&cursor={cursor}" if cursor else "")
        async with session.get(path) as response:
            page = await response.json()
        for row in page["incidents"]:
            async with session.get(f"/v1/incidents/{row['incidentId']}") as response:
                incident = await response.json()
            found.append((incident["cause"]["externalId"], incident["failureCount"]))
        cursor = page["cursor"]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--calm", type=float, default=20.0, help="seconds before and after it")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args(arguments)
    plan = Plan(options.alerts, options.keys, options.seconds, options.seed)
    with scratch_directory("storm") as directory:
        told, violations = asyncio.run(storm(directory / "node", plan, options.calm))
    return concluded(told, violations, "nothing lost, nothing doubled")


if __name__ == "__main__":
    sys.exit(main())
