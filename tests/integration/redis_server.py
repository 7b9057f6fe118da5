"""A Redis of the tests' own, to be killed, frozen and started again."""

import asyncio
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.faults.node import free_port

START_SECONDS = 10.0


def program() -> str:
    """Return a ``redis-server``: one of the machine, or the one that a wheel has put beside our Python."""
    installed = shutil.which("redis-server") or shutil.which("valkey-server")
    found = installed or shutil.which("redis-server", path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip("there is no redis-server on this machine, and no wheel that has one")
    return found


class RedisServer:
    """A server on a port of its own, which it keeps when it is started again; it writes nothing to ``directory``."""

    def __init__(self, directory: Path, port: int, *options: str) -> None:
        self._arguments = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *options)
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"redis://127.0.0.1:{port}/0"

    async def start(self) -> None:
        """Return when it answers."""
        self._process = await asyncio.create_subprocess_exec(
            program(), *self._arguments, cwd=self._directory, stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(START_SECONDS):
            while not await self._answers():
                assert self._process.returncode is None, "it ended instead of starting"
                await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """Kill -9."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it take connections and bytes, and answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    async def command(self, *words: str | bytes | int) -> Any:
        """Return what it answers to a command."""
        async with Redis.from_url(self.url) as redis:
            return await redis.execute_command(*words)  # type: ignore[no-untyped-call]  # the library has no type for it

    async def channels(self) -> Sequence[str]:
        """Return the channels that somebody listens to."""
        return sorted(name.decode() for name in await self.command("PUBSUB", "CHANNELS"))

    async def _answers(self) -> bool:
        try:
            return bool(await self.command("PING"))
        except RedisError:
            return False

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@asynccontextmanager
async def redis_server(directory: Path, *options: str) -> AsyncIterator[RedisServer]:
    """Run a server until the block ends."""
    server = RedisServer(directory, free_port(), *options)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()
