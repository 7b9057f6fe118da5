"""Every place of a request that can name something of another tenant is one that the tests of tenants try.

The routes are the application's, what stands in their paths, queries and bodies is the OpenAPI document's. Whatever has
a name that is not listed here as a mere word has to be asked for in ``engine_places`` or ``incident_places``.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest
from litestar.routes import HTTPRoute

from tests.contract.administering import Callers, callers
from tests.fuzz.engine_places import engine_places
from tests.fuzz.incident_places import incident_places
from tests.fuzz.reported import Reported
from tests.fuzz.tenancy import Asked, Belongings

#: Names of what is no name of anything: figures, times, texts, words of a list, parts that have members of their own.
WORDS = set(
    """
    acknowledgementTimeoutMinutes action actorKind affected_regions after bpmnXml channels completed completion
    condition content cooldownMinutes data description elementVariables enabled encoding encrypted endDate engineId
    entitlements error errorCode error_message errors escalations excludeExpired excludeParentVariables
    expected_status expirationTimer failed failure_count from format inclusiveGatewayDecision interval_seconds items
    keyword latency_ms limit lockTimeout loopCardinality loopItems maxResults message messages metric minPosition
    minResults module note observed_at offset ok operator order parallelism partition paused period plan
    processVariables provider region regions requestTimeout retryLimit retryTimer revision role samples scope
    severity signals skip since slow_threshold_ms sort sort_by sort_order source startDate started_at states status
    status_page_update suggestedAgents tags target_url threshold time timeCycle timeDuration timeout_ms timer timers
    title to total type uniqueKey value variables version wait windowMinutes workerId assignee_id
    exclusiveGatewayDecision escalationCode names calledProcess before ordered overlapSeconds secret state types
    upto url
    """.split()  # noqa: SIM905  (a hundred words, one after the other)
)

WAITED_FOR = frozenset({"messageName", "messageCorrelationKey", "correlationKey"})

#: Names of the caller's own: it gives them to what it makes, or they are looked up in what the path has named already.
OWN: Mapping[str, frozenset[str]] = {
    "POST /admin/tenants": frozenset({"id", "name"}),
    "POST /admin/keys": frozenset({"name"}),
    "POST /admin/intakes": frozenset({"name"}),
    "POST /api/checks": frozenset({"name"}),
    "PATCH /api/checks/{id}": frozenset({"name"}),
    "POST /api/alerts/rules": frozenset({"name"}),
    "PUT /api/alerts/rules/{rule_id}": frozenset({"name"}),
    "POST /webhooks": frozenset({"processKey"}),
    "PATCH /webhooks/{id}": frozenset({"processKey"}),
    "POST /processes": frozenset({"name", "bpmnProcessId", "bpmnElementId", "messageName", "signalName"}),
    "POST /process-instances": frozenset({"name", "correlationKey"}),
    "POST /process-instances/batch": frozenset({"name", "correlationKey"}),
    "PUT /process-instances/{partition}/{id}/variables": frozenset({"name"}),
    "PUT /element-instances/{partition}/{id}/variables": frozenset({"name", "bpmnElementId"}),
    "PATCH /jobs/{partition}/{id}/complete": WAITED_FOR | {"name", "bpmnElementId"},
    "POST /jobs/complete": WAITED_FOR | {"name", "bpmnElementId"},
    "POST /elements/query": frozenset({"bpmnElementId"}),
    "POST /element-instances/query": frozenset({"bpmnElementId"}),
    "PATCH /user-tasks/{partition}/{id}": frozenset({"name", "bpmnElementId"}),
    "POST /processes/query": frozenset({"name"}),
    "POST /process-instances/query": frozenset({"name"}),
    "POST /user-tasks/query": frozenset({"name"}),
}

#: Tried by tests of their own: of a check of theirs that is a monitor, of a job that names what is theirs, of events
#: that followers and auditors of the log are told (``test_events_pages.py``, ``test_audit.py`` in ``tests/contract``).
ELSEWHERE = {
    *(("GET /audit", name) for name in ("actor", "subject")),
    *(("GET /events", name) for name in ("stream", "processKey", "incident")),
    *(("GET /events/stream", name) for name in ("stream", "processKey", "incident")),
    ("POST /api/incidents", "affected_monitor_ids"),
    ("PATCH /jobs/{partition}/{id}/complete", "bpmnProcessId"),
    ("PATCH /jobs/{partition}/{id}/complete", "signalName"),
    ("POST /jobs/complete", "bpmnProcessId"),
    ("POST /jobs/complete", "signalName"),
}

#: What stands in their paths is the same for all tenants.
NAMES_OF_NOBODY = {"GET /events/types/{type}"}


def of_each_kind(names: tuple[str, ...]) -> dict[str, Any]:
    """Return an entity of which every member is a number, or a name, that stands for itself."""
    return dict.fromkeys(names, 1)


def belongings() -> Belongings:
    numbers = of_each_kind(
        ("id", "name", "partition", "processId", "processInstanceId", "elementInstanceId", "elementId")
    )
    entity = {**numbers, "bpmnProcessId": "p"}
    keys: dict[str, str] = {}
    return Belongings("t", keys, "k", *[entity] * (len(Belongings._fields) - 3))


def things() -> Reported:
    intakes = {provider: {"id": "i", "secret": "s", "routingKey": "r"} for provider in ("custom", "pagerduty")}
    ids = ["x"] * 9
    return Reported("t", {}, ids, {}, ids[:4], ids[:4], intakes, "i", "e", "c", ids[:3], "d", "f")


def requests() -> Iterator[Asked]:
    yield from (request for request, *_ in engine_places(belongings()).values())
    yield from (request for request, *_ in incident_places(things(), things()).values())


def named_in(body: Any) -> Iterator[str]:
    """Yield the members of a body in which an id stands, however deep."""
    if isinstance(body, dict):
        for name, value in body.items():
            if "@" in (value if isinstance(value, list) else [value]):
                yield name
            yield from named_in(value)
    if isinstance(body, list):
        for item in body:
            yield from named_in(item)


def tried(templates: list[str]) -> set[tuple[str, str]]:
    """Return the routes with the names under which something of another tenant is asked for."""
    return {(route, name) for request in requests() for route, name in _tried_by(request, templates)}


def _tried_by(request: Asked, templates: list[str]) -> Iterator[tuple[str, str]]:
    path, _, query = request.path.partition("?")
    for template in templates:
        found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), path)
        if found is None:
            continue
        route = f"{request.method} {template}"
        yield from ((route, name) for name, text in found.groupdict().items() if text == "<id>")
        yield from ((route, name) for name, text in parse_qsl(query) if text == "<id>")
        body = (request.body or "null").replace('"<id>"', "<id>").replace("<id>", '"@"')
        yield from ((route, name) for name in named_in(json.loads(body)))


@pytest.fixture
async def node(database: str) -> AsyncIterator[Callers]:
    async with callers(database, set_time_enabled=True) as them:
        yield them


def routes(node: Callers) -> Iterator[tuple[str, str]]:
    """Yield the methods and paths of the application itself, whether the document tells them or not."""
    for route in node.app.routes:
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        if isinstance(route, HTTPRoute) and not path.startswith("/schema"):
            for handler in route.route_handlers:
                yield from ((method, path) for method in handler.http_methods - {"OPTIONS"})


def members_of(schema: Any, components: Any) -> Iterator[str]:
    """Yield the names of all members of a body, however deep, in every form that it may have."""
    if isinstance(schema, list):
        for each in schema:
            yield from members_of(each, components)
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield from members_of(components["schemas"][schema["$ref"].rpartition("/")[2]], components)
        for name, below in schema.get("properties", {}).items():
            yield name
            yield from members_of(below, components)
        for key in ("items", "anyOf", "oneOf", "allOf"):
            yield from members_of(schema.get(key), components)


async def places(node: Callers) -> set[tuple[str, str]]:
    """Return the routes with all names that something can be asked for under."""
    told = (await node.client.get("/schema/openapi.json")).json()
    found = {(f"{method} {path}", name) for method, path in routes(node) for name in re.findall(r"\{(\w+)\}", path)}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            asked_in = [there for there in operation.get("parameters", ()) if there["in"] in {"path", "query"}]
            found |= {(f"{method.upper()} {path}", there["name"]) for there in asked_in}
            content = operation.get("requestBody", {}).get("content", {})
            members = {name for body in content.values() for name in members_of(body["schema"], told["components"])}
            found |= {(f"{method.upper()} {path}", name) for name in members}
    return found


async def test_everything_that_can_be_named_is_tried_with_what_is_another_tenant_s(node: Callers) -> None:
    everything = await places(node)
    templates = sorted({path for _, path in routes(node)})
    named = {
        (route, name)
        for route, name in everything
        if name not in WORDS and name not in OWN.get(route, ()) and (route, name) not in ELSEWHERE
    }
    assert len(named) > 70
    missing = sorted(f"{route}: {name}" for route, name in named - tried(templates))
    assert not missing, "\n".join(missing)


async def test_every_route_that_has_something_in_its_path_is_tried(node: Callers) -> None:
    with_paths = {f"{method} {path}" for method, path in routes(node) if "{" in path} - NAMES_OF_NOBODY
    templates = sorted({path for _, path in routes(node)})
    assert len(with_paths) > 35
    assert with_paths <= {route for route, _ in tried(templates)}


async def test_no_word_is_listed_that_is_not_there_any_more(node: Callers) -> None:
    everything = await places(node)
    assert {name for _, name in everything} >= WORDS
    assert everything >= {(route, name) for route, names in OWN.items() for name in names}
    assert everything >= ELSEWHERE
