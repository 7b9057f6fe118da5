"""A client of a node: asks, insists on success, or waits for an outage to pass."""

import asyncio
from typing import Any, NamedTuple

import aiohttp

from tests.faults.node import KEY
from tests.story import bpmn

#: Waits for a worker once.
WORKING = bpmn("s:startEvent book:serviceTask e:endEvent", "s>book book>e", "invoice")

#: Needs the executor: its branches are joined by a task.
JOINING = bpmn("s:startEvent f:parallelGateway j:parallelGateway e:endEvent", "s>f f>j j>e", "invoice").replace(
    "</process>", '<sequenceFlow id="also" sourceRef="f" targetRef="j"/></process>'
)


class Answer(NamedTuple):
    """``told`` is what the body says, decoded when it is JSON."""

    status: int
    media_type: str
    told: Any


class Client:
    """Calls a node as the owner, or with another ``key``."""

    def __init__(self, url: str, key: str = KEY) -> None:
        self._url = url
        self._headers = {"Authorization": key}
        self._timeout = aiohttp.ClientTimeout(total=60)

    async def call(self, method: str, path: str, body: object = None) -> Answer:
        """Send a request over a connection of its own."""
        async with (
            aiohttp.ClientSession(headers=self._headers, timeout=self._timeout) as session,
            session.request(method, self._url + path, json=body) as response,
        ):
            told = await (response.json(content_type=None) if "json" in response.content_type else response.text())
            return Answer(response.status, response.content_type, told)

    async def done(self, method: str, path: str, body: object = None) -> Any:
        """Send a request that has to succeed; return what its answer tells."""
        answer = await self.call(method, path, body)
        assert answer.status < 300, answer
        return answer.told

    async def patiently(self, method: str, path: str, body: object = None) -> Any:
        """Do the same, but ask again while the answer is 503; the caller bounds the time."""
        while True:
            answer = await self.call(method, path, body)
            if answer.status != 503:
                assert answer.status < 300, answer
                return answer.told
            await asyncio.sleep(0.02)

    async def rows(self, path: str, **criteria: object) -> list[Any]:
        """Return the results of a query."""
        found: list[Any] = (await self.done("POST", f"{path}/query", criteria))["results"]
        return found


def deployment(version: str, xml: str) -> dict[str, str]:
    return {"bpmnProcessId": "invoice", "version": version, "bpmnXml": xml, "workerId": "deployer"}


def start(version: str, key: str = "") -> dict[str, str]:
    """Return the body that starts an instance; ``key`` is its correlation key, the version if there is none."""
    return {"bpmnProcessId": "invoice", "version": version, "correlationKey": key or version, "workerId": "starter"}
