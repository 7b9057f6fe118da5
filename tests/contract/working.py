"""A node on a database of its own, and a client of its engine."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from httpx import ASGITransport, AsyncClient, Response

from api.app import create_app
from api.composition import open_node
from api.listening import bound_sockets
from api.serving import Serving
from infra.settings import Settings

OWNER = "owner-key-of-the-tests"

MODEL = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">
  <process id="order" isExecutable="true">
    <startEvent id="placed"/>
    <sequenceFlow id="f1" sourceRef="placed" targetRef="pay"/>
    <serviceTask id="pay" name="Pay &lt;now&gt;"/>
    <sequenceFlow id="f2" sourceRef="pay" targetRef="paid"/>
    <endEvent id="paid"/>
  </process>
</definitions>"""

#: Two branches that meet again: the engine joins them by a task of its own.
JOINING = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">
  <process id="joining" isExecutable="true">
    <startEvent id="begun"/>
    <sequenceFlow id="f1" sourceRef="begun" targetRef="fork"/>
    <parallelGateway id="fork"/>
    <sequenceFlow id="f2" sourceRef="fork" targetRef="join"/>
    <sequenceFlow id="f3" sourceRef="fork" targetRef="join"/>
    <parallelGateway id="join"/>
    <sequenceFlow id="f4" sourceRef="join" targetRef="done"/>
    <endEvent id="done"/>
  </process>
</definitions>"""


def model(process_id: str, content: str, beside: str = "") -> str:
    """Return a model with one process, and with what its events refer to beside it."""
    return (
        '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">'
        f'<process id="{process_id}" isExecutable="true">{content}</process>{beside}</definitions>'
    )


class Client:
    """Calls operations of the engine."""

    def __init__(self, http: AsyncClient) -> None:
        self.http = http

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """Send a request; ``body`` is bytes, or becomes JSON. Headers are written with underscores."""
        content = body if isinstance(body, bytes | None) else json.dumps(body)
        sent = {"Authorization": OWNER} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, path, content=content, headers=sent)

    async def ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request that has to succeed, and return what its JSON says."""
        answer = await self.call(method, path, body, **headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def refused(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str, str, str]:
        """Send a request that has to be refused, and return status, type, title and detail of the problem."""
        answer = await self.call(method, path, body, **headers)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        problem = answer.json()
        assert problem["status"] == answer.status_code
        return problem["status"], problem["type"], problem["title"], problem["detail"]

    async def rows(self, what: str, **criteria: Any) -> list[Any]:
        """Query, and return the rows."""
        page = await self.ok("POST", f"/{what}/query", criteria)
        assert page["count"] == len(page["results"])
        results: list[Any] = page["results"]
        return results

    async def deploy(self, xml: str = MODEL, process_id: str = "order", version: str = "1", **more: Any) -> Any:
        body = {"bpmnProcessId": process_id, "bpmnXml": xml, "version": version, "workerId": "deployer", **more}
        return await self.ok("POST", "/processes", body)

    async def start(self, process_id: str = "order", **more: Any) -> Any:
        body = {"bpmnProcessId": process_id, "version": "1", "workerId": "starter", **more}
        return await self.ok("POST", "/process-instances", body)

    async def lock(self, limit: int = 10, worker: str = "worker") -> list[Any]:
        jobs: list[Any] = (await self.ok("POST", "/jobs/lock", {"limit": limit, "workerId": worker}))["jobs"]
        return jobs

    async def complete(self, job: Mapping[str, Any], worker: str = "worker", **more: Any) -> Any:
        return await self.ok("PATCH", f"{place('jobs', job)}/complete", {"workerId": worker, **more})


def place(what: str, row: Mapping[str, Any]) -> str:
    """Return the path of an entity."""
    return f"/{what}/{row['partition']}/{row['id']}"


@asynccontextmanager
async def engine_client(database: str, **settings: Any) -> AsyncIterator[Client]:
    """Open a node on the database, and a client that holds the deployment's owner key."""
    async with open_node(_settings(database, **settings)) as node:
        app: Any = create_app(node)  # httpx and Litestar write ASGI's types differently
        transport = ASGITransport(app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://annals") as http:
            yield Client(http)


@asynccontextmanager
async def served_engine(database: str, **settings: Any) -> AsyncIterator[Client]:
    """Open a node behind an HTTP server on TCP, and a client that is there until the server has stopped."""
    given = _settings(database, host="127.0.0.1", port=0, **settings)
    async with AsyncClient(timeout=60) as http, open_node(given) as node:
        with bound_sockets(given) as sockets:
            async with Serving(create_app(node), given, sockets, node.commands.stop_waiting) as serving:
                http.base_url = serving.url
                yield Client(http)


def _settings(database: str, **settings: Any) -> Settings:
    return Settings(database_url=database, bootstrap_key=OWNER, secret_key=("pepper of the tests",), **settings)
