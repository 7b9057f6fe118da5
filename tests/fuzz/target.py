"""A node to be attacked, over TCP, and the questions that tell whether it is still well."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from tests.e2e.command_line import annals
from tests.faults.node import KEY, Node, free_port
from tests.story import bpmn

#: Megabytes that the node's own process may come to, whatever is sent to it.
MOST_MEMORY = 400

#: Seconds that a small request may take after an attack, or beside one, on a machine with better things to do.
SMALL = 2.0

#: Seconds until a read model has to have what is in the log.
CATCH_UP = 10.0

PROCESS = "well"
MODEL = bpmn("s:startEvent book:serviceTask e:endEvent", "s>book book>e", PROCESS)
HOST = b"Host: 127.0.0.1\r\n"
CREDENTIAL = f"X-API-Key: {KEY}\r\n".encode()

NUMBERS = count(1)


class Reply(NamedTuple):
    """What came back, and in how many seconds; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def told(self) -> Any:
        """The body, decoded when it is JSON."""
        return json.loads(self.body) if "json" in self.headers.get("content-type", "") else self.body.decode()


class Target:
    """Calls a node as the owner of tenant ``default``, or with another key."""

    def __init__(self, node: Node, port: int, session: aiohttp.ClientSession) -> None:
        self.node = node
        self.port = port
        self._session = session

    async def ask(
        self, method: str, path: str, body: Any = None, key: str | None = KEY, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a request, without a key if it is None; a body of bytes goes as it is, another one as JSON."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        data = io.BytesIO(content) if content is not None else None
        sent = {"Content-Type": "application/json"} if content is not None else {}
        sent |= {"X-API-Key": key} if key is not None else {}
        began = time.monotonic()
        async with self._session.request(
            method, f"{self.node.url}{path}", data=data, headers=sent | dict(headers or {}), allow_redirects=False
        ) as response:
            received = await response.read()
            told = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status, told, received, time.monotonic() - began)

    async def done(self, method: str, path: str, body: Any = None, key: str = KEY) -> Any:
        """Send a request that has to succeed; return what its answer tells."""
        reply = await self.ask(method, path, body, key)
        assert reply.status < 300, reply
        return reply.told

    async def raw(self, *pieces: bytes, wait: float = 5.0, half_close: bool = False) -> bytes:
        """Send bytes over a connection of their own; return what came until the end, or until nothing came for long."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        received = b""
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if half_close:
                writer.write_eof()
            while piece := await asyncio.wait_for(reader.read(65_536), wait):
                received += piece
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.transport.abort()
        return received

    async def position(self) -> int:
        """Return the last position of the log."""
        return int((await self.ask("POST", "/processes/query?limit=1", {})).headers["annals-position"])

    def memory(self) -> int:
        """Return the megabytes that the node's process keeps resident."""
        status = Path(f"/proc/{self.node.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) // 1024

    async def assert_well(self) -> None:
        """Require that the node is alive, quick, of bounded size, does its work, and that its read models follow."""
        alive = await self.ask("GET", "/healthz")
        assert (alive.status, alive.body) == (200, b"alive\n")
        assert alive.seconds < SMALL
        await self.assert_works()
        await self.assert_followed()
        assert self.memory() < MOST_MEMORY

    async def assert_works(self) -> None:
        """Require that an instance starts, and that its job can be locked and completed."""
        deployment = {"bpmnProcessId": PROCESS, "version": "1", "bpmnXml": MODEL, "workerId": "w"}
        process = await self.done("POST", "/processes", deployment)
        began = time.monotonic()
        start = {"bpmnProcessId": PROCESS, "version": "1", "workerId": "w"}
        instance = await self.done("POST", "/process-instances", start)
        wanted = {"partition": instance["partition"], "processInstanceId": instance["id"]}
        taken = await self.done(
            "POST", "/jobs/lock", {"limit": 1, "workerId": "w", "processIds": [process["id"]], **wanted}
        )
        (job,) = taken["jobs"]
        await self.done("PATCH", f"/jobs/{job['partition']}/{job['id']}/complete", {"workerId": "w"})
        (row,) = (await self.done("POST", "/jobs/query", wanted))["results"]
        assert row["state"] == "DONE"
        assert time.monotonic() - began < 5 * SMALL

    async def assert_followed(self) -> None:
        """Require that every read model gets to where the log is now; one that has stopped is told with its error."""
        wanted = await self.position()
        async with asyncio.timeout(CATCH_UP):
            while True:
                models = (await self.done("GET", "/readyz"))["readModels"]
                errors = {model["name"]: model["error"] for model in models if model.get("error")}
                assert not errors
                if all(model["position"] >= wanted for model in models):
                    return
                await asyncio.sleep(0.05)

    def assert_said_nothing_wrong(self) -> None:
        """Require that the node has logged no error: behind each is a request that nobody foresaw."""
        wrong = [line for line in self.node.said.splitlines() if '"error"' in line or "Traceback" in line]
        assert not [line for line in wrong if '"level": "warning"' not in line]

    async def assert_verified(self) -> None:
        """Require that the live tables are what a rebuild from the log makes."""
        ended = await asyncio.to_thread(annals, "projections", "verify", "--all", data_dir=self.node.data_dir)
        assert ended.code == 0, ended.out + ended.err


@asynccontextmanager
async def attacked(directory: Path) -> AsyncIterator[Target]:
    """Run a node, and give it; require at the end that no attack has left anything behind."""
    port = free_port()
    node = Node(
        directory / f"attacked{next(NUMBERS)}",
        port,
        ANNALS_SET_TIME_ENABLED="true",
        ANNALS_ALERT_EVALUATION_SECONDS="1",
        ANNALS_ENTERPRISE_LIMIT="1000000",
        ANNALS_INTAKE_LIMIT="1000000",
    )
    await node.start()
    try:
        timeout, connector = aiohttp.ClientTimeout(total=60), aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            target = Target(node, port, session)
            yield target
            await target.assert_well()
            await target.assert_verified()
            target.assert_said_nothing_wrong()
    finally:
        await node.stop()
