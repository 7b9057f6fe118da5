"""What happens in the demo: three days of orders, a carrier that is down for two of them, and a repair."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple, Protocol

from api.demo.client import Client
from api.demo.orders import World
from api.demo.workers import Workshop

PROCESS = "order-fulfilment"
WORKERS = ("worker-1", "worker-2", "worker-3", "worker-4")
OPERATOR = "mara"

#: Starts that are under way at a time.
STARTS_AT_ONCE = 8

#: Seconds between looks whether all is quiet, and the longest wait for it.
LOOK = 0.2
PATIENCE = 60.0

#: Work that somebody still has to do.
OPEN = {"CREATED", "DUE", "LOCKED"}


class Day(NamedTuple):
    """Orders of a day, and the version of the process that takes them."""

    version: str
    orders: int
    news: str


DAYS = (
    Day("1", 80, "carrier down"),
    Day("1", 70, "still down"),
    Day("2", 120, "carrier back"),
)


class Teller(Protocol):
    """Shows how the story goes."""

    def day(self, number: int, day: Day) -> None: ...

    def going_on(self, started: int, workshop: Workshop) -> None: ...

    def said(self, sentence: str) -> None: ...


class Told(NamedTuple):
    """What the demo itself knows of its run; the views have to say the same."""

    instances: Mapping[str, int]
    incidents: int
    resolved: int
    jobs_done: int
    retried: int


class Story:
    """Plays the story on a server, with a client for each part in it."""

    def __init__(self, operator: Client, worker: Client, clock: Client | None, teller: Teller) -> None:
        self._operator = operator
        self._worker = worker
        self._clock = clock
        self._teller = teller
        self._world = World()
        self._versions: dict[int, str] = {}
        self._workshop = Workshop(worker, self._world, self._versions)
        self._orders = 0
        self._resolved = 0

    async def play(self) -> Told:
        """Play it to its end: nothing is left to do but what waits for people."""
        try:
            async with asyncio.TaskGroup() as group:
                workers = [group.create_task(self._workshop.work(name)) for name in WORKERS]
                for number, day in enumerate(DAYS, 1):
                    await self._play(number, day)
                await self._repair()
                for worker in workers:
                    worker.cancel()
        except ExceptionGroup as several:
            raise several.exceptions[0] from several
        shop = self._workshop
        instances = {version: sum(day.orders for day in DAYS if day.version == version) for version in ("1", "2")}
        return Told(instances, shop.given_up, self._resolved, shop.done, shop.retried)

    async def _play(self, number: int, day: Day) -> None:
        if number > 1 and self._clock is not None:
            await self._clock.patch("/time", {"timeDuration": "P1D"})
        self._world.carrier_is_down = day.version == "1"
        self._teller.day(number, day)
        if day.version not in self._versions.values():
            await self._deploy(day.version)
        gate = asyncio.Semaphore(STARTS_AT_ONCE)
        await asyncio.gather(*(self._start(day, self._orders + n, gate) for n in range(1, day.orders + 1)))
        self._orders += day.orders
        await self._quiet()

    async def _deploy(self, version: str) -> None:
        model = files("api.demo").joinpath("models", f"order_fulfilment_{version}.bpmn").read_text(encoding="utf-8")
        body = {"bpmnProcessId": PROCESS, "version": version, "bpmnXml": model, "workerId": OPERATOR}
        process = await self._operator.post("/processes", body)
        self._versions[process["id"]] = version

    async def _start(self, day: Day, order: int, gate: asyncio.Semaphore) -> None:
        async with gate:
            body = {
                "bpmnProcessId": PROCESS,
                "version": day.version,
                "workerId": "web-shop",
                "correlationKey": f"order-{order}",
                "tags": [{"name": "channel", "value": "web"}],
            }
            await self._worker.post("/process-instances", body)
            self._teller.going_on(order, self._workshop)

    async def _repair(self) -> None:
        """Resolve what the carrier's outage left behind, and one that fails again; the rest waits for people."""
        unresolved = [incident for incident in await self._incidents() if "resolvedAt" not in incident]
        at = {element["id"]: element["bpmnElementId"] for element in await self._elements()}
        bookings = [incident for incident in unresolved if at[incident["elementId"]] == "book_carrier"]
        invoices = [incident for incident in unresolved if at[incident["elementId"]] == "send_invoice"][:1]
        self._teller.said(f"{OPERATOR} resolves {len(bookings)} bookings that failed, and tries an invoice again")
        for incident in bookings + invoices:
            path = f"/incidents/{incident['partition']}/{incident['id']}/resolve"
            await self._operator.patch(path, {"workerId": OPERATOR})
            self._resolved += 1
        await self._quiet()

    async def _quiet(self) -> None:
        """Wait until every job and every task of the engine is done, or stands at an incident."""
        async with asyncio.timeout(PATIENCE):
            while await self._something_to_do():
                self._teller.going_on(self._orders, self._workshop)
                await asyncio.sleep(LOOK)
        self._teller.going_on(self._orders, self._workshop)

    async def _something_to_do(self) -> bool:
        for path in ("/jobs/query", "/tasks/query"):
            rows = (await self._operator.post(f"{path}?limit=10000", {}))["results"]
            if any(row["state"] in OPEN for row in rows):
                return True
        return False

    async def _incidents(self) -> Sequence[Mapping[str, Any]]:
        rows: Sequence[Mapping[str, Any]] = (await self._operator.post("/incidents/query?limit=10000", {}))["results"]
        return rows

    async def _elements(self) -> Sequence[Mapping[str, Any]]:
        rows: Sequence[Mapping[str, Any]] = (await self._operator.post("/elements/query", {}))["results"]
        return rows
