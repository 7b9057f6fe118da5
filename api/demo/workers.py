"""The workers: they lock due jobs over HTTP, do them, and report what came of it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from api.demo.client import Client
from api.demo.orders import Attempt, World, outcome

#: Jobs that a worker takes at a time.
AT_ONCE = 10

#: Seconds between looks for work when there is none.
REST = 0.02


class Workshop:
    """A few workers on one server; they count what they did."""

    def __init__(self, client: Client, world: World, versions: Mapping[int, str]) -> None:
        self.done = 0
        self.retried = 0
        self.given_up = 0
        self._client = client
        self._world = world
        self._versions = versions

    async def work(self, worker_id: str) -> None:
        """Work until cancelled."""
        while True:
            locked = await self._client.post("/jobs/lock", {"workerId": worker_id, "limit": AT_ONCE})
            for job in locked["jobs"]:
                await self._do(worker_id, job)
            if not locked["jobs"]:
                await asyncio.sleep(REST)

    async def _do(self, worker_id: str, job: Mapping[str, Any]) -> None:
        """Do a job and report it; retries left or not, the engine decides by the limit that comes with the report."""
        order = int(job["correlationKey"].removeprefix("order-"))
        attempt = Attempt(order, self._versions[job["processId"]], job["retryCount"])
        result = outcome(job["bpmnElementId"], attempt, self._world)
        report: dict[str, Any] = {"workerId": worker_id}
        if result.error:
            report |= {"error": result.error, "retryLimit": result.retries}
        if result.completion:
            report["completion"] = result.completion
        answer = await self._client.patch(f"/jobs/{job['partition']}/{job['id']}/complete", report)
        if not answer.get("error"):
            self.done += 1
        elif job["retryCount"] < result.retries:
            self.retried += 1
        else:
            self.given_up += 1
