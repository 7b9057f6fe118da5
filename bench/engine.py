"""The engine under load: ``python -m bench.engine --scenario service``.

Scenarios: ``service`` (start, service task, end), ``batch`` (the same through the batch forms, ``--batch`` items in a
request), ``parallel`` (fork, two service tasks, join; the join is done by the server's executor) and ``incident`` (the
task fails for good, its incident is found and resolved, then it is done). All instances are started first, then all
jobs are done, each phase by ``--clients`` connections. Without ``--url`` a server is started in a temporary directory
and stopped again.
"""

import argparse
import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.connection import Connection, Refused
from bench.machine import cost, family, machine_busy, name_of
from bench.serving import KEY, serving
from infra.scratch_directory import scratch_directory

FLOW = '<sequenceFlow id="{0}_{1}" sourceRef="{0}" targetRef="{1}"/>'
SERVICE = (
    '<definitions><process id="service" isExecutable="true"><startEvent id="s"/><serviceTask id="t"/>'
    f'<endEvent id="e"/>{FLOW.format("s", "t")}{FLOW.format("t", "e")}</process></definitions>'
)
PARALLEL = (
    '<definitions><process id="parallel" isExecutable="true"><startEvent id="s"/><parallelGateway id="f"/>'
    '<serviceTask id="a"/><serviceTask id="b"/><parallelGateway id="j"/><endEvent id="e"/>'
    + "".join(FLOW.format(*pair.split(">")) for pair in ["s>f", "f>a", "f>b", "a>j", "b>j", "j>e"])
    + "</process></definitions>"
)
#: BPMN process id, model, jobs of an instance.
SCENARIOS = {
    "service": ("service", SERVICE, 1),
    "batch": ("service", SERVICE, 1),
    "parallel": ("parallel", PARALLEL, 2),
    "incident": ("service", SERVICE, 1),
}

WORKER = "bench"


class Load:
    """One run of a scenario against a server."""

    def __init__(self, options: argparse.Namespace, progress: Progress) -> None:
        self.options = options
        self.progress = progress
        self.latencies: dict[str, list[float]] = defaultdict(list)
        self.phases: dict[str, float] = {}
        self.process, self.model, self.jobs = SCENARIOS[options.scenario]
        self.version = f"bench-{time.time_ns()}"
        self.process_id = 0
        self.failed: list[tuple[str, int]] = []

    async def run(self) -> float:
        """Run all phases; return how many seconds they took in all."""
        connection = await Connection.to(self.options.url, self.options.key)
        deployment = {"bpmnProcessId": self.process, "bpmnXml": self.model, "version": self.version, "workerId": WORKER}
        self.process_id = (await connection.call("POST", "/processes", deployment, 201))["id"]
        connection.close()
        began = time.perf_counter()
        n = self.options.instances
        batch = self.options.scenario == "batch"
        await self._phase("start instances", n, self._start_many if batch else self._start)
        if self.options.scenario == "incident":
            await self._phase("fail jobs", n, self._work(self._fail))
            await self._phase("resolve incidents", n, self._resolve)
        await self._phase("complete jobs", n * self.jobs, self._work_many if batch else self._work(self._complete))
        await self._until_ended(n)
        return time.perf_counter() - began

    async def _phase(
        self, name: str, total: int, client: Callable[[Connection, Iterator[int], Any], Awaitable[None]]
    ) -> None:
        bar = self.progress.add_task(name, total=total)
        turns = iter(range(total))
        connections = [await Connection.to(self.options.url, self.options.key) for _ in range(self.options.clients)]
        began = time.perf_counter()
        await asyncio.gather(*(client(connection, turns, bar) for connection in connections))
        self.phases[name] = total / (time.perf_counter() - began)
        for connection in connections:
            connection.close()

    async def _timed(self, name: str, call: Awaitable[Any]) -> Any:
        began = time.perf_counter()
        answer = await call
        self.latencies[name].append(time.perf_counter() - began)
        return answer

    async def _start(self, connection: Connection, turns: Iterator[int], bar: Any) -> None:
        body = {"bpmnProcessId": self.process, "version": self.version, "workerId": WORKER}
        for _ in turns:
            await self._timed("start", connection.call("POST", "/process-instances", body, 201))
            self.progress.advance(bar)

    async def _start_many(self, connection: Connection, turns: Iterator[int], bar: Any) -> None:
        item = {"bpmnProcessId": self.process, "version": self.version, "workerId": WORKER}
        while items := [item for _ in islice(turns, self.options.batch)]:
            call = connection.call("POST", "/process-instances/batch", {"items": items}, 200)
            self._all_done("processInstance", await self._timed("start many", call))
            self.progress.advance(bar, len(items))

    async def _work_many(self, connection: Connection, _turns: Iterator[int], bar: Any) -> None:
        """Lock as many jobs as a request may, and report them in one other, until this phase has no more."""
        lock = {"processIds": [self.process_id], "limit": self.options.batch, "workerId": WORKER}
        task = self.progress.tasks[bar]
        while task.completed < (task.total or 0):
            jobs = (await self._timed("lock", connection.call("POST", "/jobs/lock", lock, 200)))["jobs"]
            if not jobs:
                await asyncio.sleep(0.005)
                continue
            items = [{"partition": job["partition"], "id": job["id"], "workerId": WORKER} for job in jobs]
            call = connection.call("POST", "/jobs/complete", {"items": items}, 200)
            self._all_done("job", await self._timed("complete many", call))
            self.progress.advance(bar, len(items))

    def _all_done(self, member: str, answer: Any) -> None:
        """Raise ``Refused`` when an item of a batch was."""
        for item in answer["results"]:
            if member not in item:
                raise Refused(f"an item was answered {item}")

    def _work(self, act: Callable[[Connection, Any], Awaitable[None]]) -> Any:
        async def client(connection: Connection, turns: Iterator[int], bar: Any) -> None:
            """Lock jobs and act on each until this phase has no more."""
            task = self.progress.tasks[bar]
            lock = {"processIds": [self.process_id], "limit": self.options.lock_limit, "workerId": WORKER}
            while task.completed < (task.total or 0):
                jobs = (await self._timed("lock", connection.call("POST", "/jobs/lock", lock, 200)))["jobs"]
                for job in jobs:
                    next(turns, None)
                    await act(connection, job)
                    self.progress.advance(bar)
                if not jobs:
                    await asyncio.sleep(0.005)

        return client

    async def _complete(self, connection: Connection, job: Any) -> None:
        path = f"/jobs/{job['partition']}/{job['id']}/complete"
        await self._timed("complete", connection.call("PATCH", path, {"workerId": WORKER}, 200))

    async def _fail(self, connection: Connection, job: Any) -> None:
        path = f"/jobs/{job['partition']}/{job['id']}/complete"
        body = {"workerId": WORKER, "error": "on purpose"}
        await self._timed("fail", connection.call("PATCH", path, body, 200))
        self.failed.append((job["partition"], job["id"]))

    async def _resolve(self, connection: Connection, turns: Iterator[int], bar: Any) -> None:
        for turn in turns:
            partition, job_id = self.failed[turn]
            criteria = {"partition": partition, "jobId": job_id}
            found = await self._timed("find incident", connection.call("POST", "/incidents/query", criteria, 200))
            path = f"/incidents/{partition}/{found['results'][0]['id']}/resolve"
            await self._timed("resolve", connection.call("PATCH", path, {"workerId": WORKER}, 204))
            self.progress.advance(bar)

    async def _until_ended(self, instances: int) -> None:
        """Wait until every instance has ended, by the read model: what the executor does belongs to the run."""
        connection = await Connection.to(self.options.url, self.options.key)
        criteria = {"processId": self.process_id}
        ended = 0
        while ended < instances:
            page = await connection.call("POST", f"/process-instances/query?limit=10000&offset={ended}", criteria, 200)
            done = sum(1 for row in page["results"] if row["state"] == "COMPLETED")
            ended += done if done == page["count"] else 0
            if done != page["count"]:
                await asyncio.sleep(0.05)
        connection.close()


@contextmanager
def server(options: argparse.Namespace) -> Iterator[int]:
    """Give the pid of the server: the one that was named, else one of our own for the time of the run."""
    if options.url:
        yield options.pid
        return
    with scratch_directory("bench") as directory, serving(directory / "d") as served:
        options.url, options.key = served.url, KEY
        yield served.pid


def shares(pid: int) -> dict[str, float]:
    """Return the CPU seconds so far by part: the server's own processes, its database, this generator, everything."""
    members = list(family(pid)) if pid else []
    database = [member for member in members if name_of(member) == "postgres"]
    own = [member for member in members if member not in database]
    return {
        "annals": cost(own).cpu,
        "PostgreSQL": cost(database).cpu,
        "generator": cost([os.getpid()]).cpu,
        "machine": machine_busy(),
    }


def report(load: Load, seconds: float, used: dict[str, float], memory: int) -> None:
    options = load.options
    console = Console()
    console.print(
        f"[bold]{options.scenario}[/]: {options.instances} instances, {options.clients} connections, lock limit"
        f" {options.lock_limit}: [bold]{options.instances / seconds:,.0f} instances/s[/]"
    )
    console.print("   ".join(f"{name} {rate:,.0f}/s" for name, rate in load.phases.items()))
    table = Table("request", "count", "p50 ms", "p95 ms", "p99 ms", "max ms")
    for name, values in load.latencies.items():
        ordered = sorted(values)
        figures = [ordered[min(len(ordered) - 1, int(p * len(ordered)))] * 1000 for p in (0.5, 0.95, 0.99, 1)]
        table.add_row(name, str(len(ordered)), *(f"{figure:.1f}" for figure in figures))
    console.print(table)
    others = used.pop("machine") - sum(used.values())
    cores = os.cpu_count() or 1
    parts = [*used.items(), ("others", max(0.0, others))]
    each = "   ".join(f"{name} {1e6 * cpu / options.instances:.0f} µs" for name, cpu in used.items())
    console.print(f"CPU of an instance: {each}")
    console.print("CPU: " + "   ".join(f"{name} {100 * cpu / seconds / cores:.0f} %" for name, cpu in parts))
    if memory:
        console.print(f"memory of annals without PostgreSQL: {memory / 2**20:.0f} MiB")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", choices=SCENARIOS, default="service")
    parser.add_argument("--instances", type=int, default=5_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--lock-limit", type=int, default=10)
    parser.add_argument("--batch", type=int, default=1_000, help="items of a request of the scenario batch")
    parser.add_argument("--url", default="", help="a running server")
    parser.add_argument("--key", default="", help="an API key of it, role operator or more")
    parser.add_argument("--pid", type=int, default=0, help="its process, for CPU shares and memory")
    options = parser.parse_args(arguments)
    with server(options) as pid:
        warm = argparse.Namespace(**{**vars(options), "instances": 300})
        with Progress(transient=True) as progress:
            uvloop.run(Load(warm, progress).run())
        before = shares(pid)
        with Progress(transient=True) as progress:
            load = Load(options, progress)
            seconds = uvloop.run(load.run())
        used = {name: cpu - before[name] for name, cpu in shares(pid).items()}
        memory = cost([p for p in family(pid) if name_of(p) != "postgres"]).memory if pid else 0
        report(load, seconds, used, memory)


if __name__ == "__main__":
    main()
