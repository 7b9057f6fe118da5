"""A client of the HTTP API, as anyone would write it."""

from typing import Any

import aiohttp


class UnexpectedAnswer(Exception):
    """The server did not do what the demo asked for."""


class Client:
    """Sends requests with one API key; ``session`` knows the server's address. ``requests`` counts them."""

    def __init__(self, session: aiohttp.ClientSession, key: str) -> None:
        self.requests = 0
        self._session = session
        self._headers = {"Authorization": f"Bearer {key}"}

    async def get(self, path: str, **query: str | int) -> Any:
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: Any) -> Any:
        return await self._ask("POST", path, json=body)

    async def patch(self, path: str, body: Any) -> Any:
        return await self._ask("PATCH", path, json=body)

    async def _ask(self, method: str, path: str, **sent: Any) -> Any:
        """Return the answer's body; raise ``UnexpectedAnswer`` unless its status is one of success."""
        self.requests += 1
        async with self._session.request(method, path, headers=self._headers, **sent) as answer:
            if answer.status >= 300:
                raise UnexpectedAnswer(f"{method} {path} was answered {answer.status}: {await answer.text()}")
            return None if answer.status == 204 else await answer.json()


def session_with(url: str) -> aiohttp.ClientSession:
    """Open a session with a server; a request waits at most half a minute."""
    return aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=30), trust_env=False)
