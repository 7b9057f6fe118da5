"""A node of our own in a process of its own, to be killed and started again."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp

KEY = "a-key-for-tests-only"
START_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Node:
    """``annals serve`` on a data directory or on a database."""

    def __init__(self, data_dir: Path, port: int, **environment: str) -> None:
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ANNALS_")},  # noqa: TID251  (to leave them out)
            "ANNALS_DATA_DIR": str(data_dir),
            "ANNALS_PORT": str(port),
            "ANNALS_BOOTSTRAP_KEY": KEY,
            "ANNALS_LOG_FORMAT": "json",
            **environment,
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Return when the node answers that it is ready."""
        command = (str(Path(sys.executable).with_name("annals")), "serve")
        with (self.data_dir.parent / f"{self.data_dir.name}.log").open("ab") as said:
            self._process = await asyncio.create_subprocess_exec(
                *command, env=self._environment, stdout=asyncio.subprocess.DEVNULL, stderr=said
            )
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
            while not await self._is_ready(session):
                assert self._process.returncode is None, "the node ended instead of starting"
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """Kill -9; its embedded database goes with it."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        return await self._end(signal.SIGTERM)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

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
