"""A node of our own in a process of its own, to be killed and started again."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp

KEY = "a-key-for-tests-only"
START_SECONDS = 30.0
SERVE = (str(Path(sys.executable).with_name("annals")), "serve")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Node:
    """``annals serve``, or another command, on a data directory or on a database."""

    def __init__(
        self,
        data_dir: Path,
        port: int,
        command: Sequence[str] = SERVE,
        directory: Path | None = None,
        **environment: str,
    ) -> None:
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{port}"
        self._command = command
        self._directory = directory
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ANNALS_")},  # noqa: TID251  (to leave them out)
            "ANNALS_DATA_DIR": str(data_dir),
            "ANNALS_PORT": str(port),
            "ANNALS_BOOTSTRAP_KEY": KEY,
            "ANNALS_LOG_FORMAT": "json",
            **environment,
        }
        self._log = data_dir.parent / f"{data_dir.name}.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Return when the node answers that it is ready."""
        await self.launch()
        await self.ready()

    async def launch(self) -> None:
        """Start the process; ``said`` begins anew."""
        with self._log.open("wb") as said:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                cwd=self._directory,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=said,
            )

    async def ready(self) -> None:
        """Return when the node answers that it is ready."""
        assert self._process is not None
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
            while not await self._is_ready(session):
                assert self._process.returncode is None, f"the node ended instead of starting: {self.said}"
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """Kill -9; its embedded database goes with it."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        return await self._end(signal.SIGTERM)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Have it do nothing, as a machine that is suspended, until the block ends."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    async def ended(self) -> int:
        """Wait for it to end by itself, and return its exit code."""
        assert self._process is not None
        return await self._process.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it was started, and runs no longer."""
        return self._process is not None and self._process.returncode is not None

    @property
    def said(self) -> str:
        """What it has written to its standard error since it was started."""
        return self._log.read_text()

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self._process.wait()

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[None]:
    """Start a node, and leave none behind, whatever happens."""
    await node.start()
    try:
        yield
    finally:
        await node.stop()
