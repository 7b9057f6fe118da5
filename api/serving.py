"""Running a node behind an HTTP server until somebody asks it to stop."""

import asyncio
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import structlog
import uvicorn
from litestar import Litestar

from api.app import create_app
from api.composition import Node, open_node
from api.connections import BoundedProtocol, cut_off_the_late
from api.listening import AddressUnusable, bound_sockets
from infra.settings import Settings

log = structlog.get_logger()

#: A connection on which nothing happens is closed after this long (contracts/engine.md 1.1).
IDLE_SECONDS = 60

#: Garbage is looked for after this many new objects: a request makes hundreds that are gone without it.
GC_THRESHOLDS = (50_000, 50, 50)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the node stops in order, the server first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Serving:
    """An HTTP server in this event loop, on sockets that are bound: ``async with Serving(...) as serving``.

    ``hurry`` is called when it begins to stop: answers that wait for something have to come at once then.
    """

    def __init__(
        self,
        app: Litestar,
        settings: Settings,
        sockets: Sequence[socket.socket],
        hurry: Callable[[], None] = lambda: None,
    ) -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"http://{host}:{sockets[0].getsockname()[1]}"
        self._hurry = hurry
        self._settings = settings
        self._sockets = list(sockets)
        self._server = _Server(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",  # not a line for each request that is none
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=True,
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=max(1, int(settings.stop_timeout)),
                backlog=2048,
            )
        )
        self._task: asyncio.Task[None] | None = None
        self._cutting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def ended(self) -> None:
        """Return when the server has ended; raise what ended it."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _start(self) -> None:
        """Return when connections are taken; raise ``AddressUnusable``."""
        self._task = asyncio.create_task(self._server.serve(self._sockets), name="http")
        while not self._server.started:
            if self._task.done():
                try:
                    await self._task
                except OSError as error:  # another process had bound the address too, and was faster
                    raise AddressUnusable(self._settings, error) from error
            await asyncio.sleep(0.005)
        self._cutting = asyncio.create_task(
            cut_off_the_late(self._server.server_state.connections), name="late clients"
        )

    async def _stop(self) -> None:
        """Take no more connections, answer what is open, return."""
        self._hurry()
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        if self._cutting is not None:
            self._cutting.cancel()


class StopSignals:
    """SIGTERM and SIGINT: they break off a start, and ask what has started to stop in order."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._starting = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask)

    def started(self) -> None:
        """Go on, whatever comes from now on, until the end of the block that serves."""
        self._starting = None

    def _ask(self) -> None:
        if self._starting is not None and not self.asked.is_set():
            self._starting.cancel()
        self.asked.set()


async def serve(settings: Settings, on_ready: Callable[[Node, str], Awaitable[None] | None] | None = None) -> None:
    """Run a node until SIGTERM or SIGINT. ``on_ready`` is told the node and its URL once requests are welcome.

    Raise ``AddressUnusable``, ``RoleEnded``, or what keeps the node from starting.
    """
    signals = StopSignals()
    with bound_sockets(settings) as sockets:
        try:
            async with (
                open_node(settings) as node,
                Serving(create_app(node), settings, sockets, node.hurry) as serving,
            ):
                signals.started()
                gc.collect()
                gc.freeze()
                gc.set_threshold(*GC_THRESHOLDS)
                log.info("annals serves", url=serving.url, roles=",".join(settings.roles))
                if on_ready is not None and (told := on_ready(node, serving.url)) is not None:
                    await told
                await _first(signals.asked.wait(), node.roles.ended, serving.ended())
                log.info("annals stops")
        except asyncio.CancelledError:
            if not signals.asked.is_set():
                raise
            log.info("annals stops before it has started")


async def _first(*awaitables: Awaitable[object]) -> None:
    """Return when one of them does, or raise its error."""
    futures = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    done, others = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    for future in others:
        future.cancel()
    for future in done:
        future.result()
