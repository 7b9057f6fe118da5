"""Running a node behind an HTTP server until somebody asks it to stop."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from litestar import Litestar

from api.app import create_app
from api.composition import Node, open_node
from infra.settings import Settings

log = structlog.get_logger()

#: Garbage is looked for after this many new objects: a request makes hundreds that are gone without it.
GC_THRESHOLDS = (50_000, 50, 50)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the node stops in order, the server first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Serving:
    """An HTTP server in this event loop; ``url`` is where it listens once it has started."""

    def __init__(self, app: Litestar, settings: Settings) -> None:
        self._server = _Server(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=True,
                timeout_graceful_shutdown=max(1, int(settings.stop_timeout)),
                backlog=2048,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when connections are taken; raise ``OSError`` when the address cannot be had."""
        self._task = asyncio.create_task(self._serve(), name="http")
        while not self._server.started:
            if self._task.done():
                await self._task
                raise OSError("the HTTP server did not start")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Take no more connections, answer what is open, return."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return port

    async def _serve(self) -> None:
        try:
            await self._server.serve()
        except SystemExit as error:  # uvicorn's way to say that the address is taken
            raise OSError("the address cannot be listened on") from error


async def serve(settings: Settings, on_ready: Callable[[Node, str], Awaitable[None] | None] | None = None) -> None:
    """Run a node until SIGTERM or SIGINT. ``on_ready`` is told the node and its URL once requests are welcome."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with open_node(settings) as node:
        serving = Serving(create_app(node), settings)
        await serving.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        url = f"http://{settings.host}:{serving.port}"
        log.info("annals serves", url=url, roles=",".join(settings.roles))
        if on_ready is not None and (told := on_ready(node, url)) is not None:
            await told
        await stopping.wait()
        log.info("annals stops")
        await serving.stop()
