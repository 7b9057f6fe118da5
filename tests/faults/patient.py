"""A client that never gives up: what it does not know the outcome of, it asks again under the same idempotency key."""

import asyncio
from collections import Counter
from itertools import count
from typing import Any, Self

import aiohttp

from tests.faults.node import KEY

PATIENCE_SECONDS = 120.0


class Patient:
    """Asks one node, through kills and outages, and counts its answers and how often it had to ask again."""

    def __init__(self, url: str) -> None:
        self.answers: Counter[int] = Counter()
        self.unknown = 0
        self._url = url
        self._numbers = count(1)
        self._session = aiohttp.ClientSession(headers={"Authorization": KEY}, timeout=aiohttp.ClientTimeout(total=20))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def ask(self, method: str, path: str, body: object, *, keyed: bool = True) -> Any:
        """Ask until there is an answer that says something; it has to be a success, of each item of a batch too."""
        headers = {"Idempotency-Key": f"request-{next(self._numbers)}"} if keyed else {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    async with self._session.request(method, self._url + path, json=body, headers=headers) as response:
                        answer = await response.json(content_type=None)
                        self.answers[response.status] += 1
                        if not _waits_for_the_database(response.status, answer):
                            assert response.status < 300, answer
                            return answer
                except (aiohttp.ClientError, ConnectionError, TimeoutError):
                    self.unknown += 1
                await asyncio.sleep(0.02)

    def told(self) -> str:
        """Say what it has seen."""
        answers = ", ".join(f"{times} x {status}" for status, times in sorted(self.answers.items()))
        return f"answers {answers}; {self.unknown} asked again for an unknown outcome"


def _waits_for_the_database(status: int, answer: Any) -> bool:
    items = answer.get("results", ()) if isinstance(answer, dict) else ()
    return status == 503 or any("problem" in item and item["problem"]["status"] == 503 for item in items)
