"""Which role may use which route: all of them against a table written out here (contracts/incidents.md 0.4, 0.6)."""

from collections.abc import AsyncIterator, Iterator, Mapping

import pytest
from litestar.routes import HTTPRoute

from domain.access.roles import ROLES
from tests.contract.administering import Callers, callers

#: Who may do something; nobody is asked who they are where anyone may.
ANYONE = frozenset({"", *ROLES})
READERS = frozenset({"viewer", "auditor", "worker", "operator", "admin", "owner"})
WORKERS = frozenset({"worker", "operator", "admin", "owner"})
OPERATORS = frozenset({"operator", "admin", "owner"})
ADMINS = frozenset({"admin", "owner"})
AUDITORS = frozenset({"auditor", "admin", "owner"})
LOOKERS_INTO = frozenset({"operator", "auditor", "admin", "owner"})
OWNERS = frozenset({"owner"})

ROUTES: Mapping[str, frozenset[str]] = {
    "GET /healthz": ANYONE,
    "GET /metrics": ANYONE,
    "GET /readiness": ANYONE,
    "GET /readyz": ANYONE,
    "GET /asyncapi.json": ANYONE,
    "GET /events/types": ANYONE,
    "GET /events/types/{type}": ANYONE,
    "POST /v1/webhooks/{tenant_id}/{provider}": ANYONE,
    "GET /api/alerts/incidents": READERS,
    "GET /api/alerts/incidents/{incident_id}": READERS,
    "GET /api/alerts/rules": READERS,
    "GET /api/alerts/rules/{rule_id}": READERS,
    "GET /api/checks": READERS,
    "GET /api/checks/{id}": READERS,
    "GET /api/incidents": READERS,
    "GET /api/incidents/{id}": READERS,
    "GET /api/incidents/{id}/affected-checks": READERS,
    "GET /api/incidents/{id}/updates": READERS,
    "POST /element-instances/query": READERS,
    "GET /element-instances/{partition}/{id}/variables": READERS,
    "POST /elements/query": READERS,
    "GET /incidents/heatmap": READERS,
    "GET /incidents/incident-version-graph": READERS,
    "GET /incidents/incidents-graph": READERS,
    "GET /incidents/incidents-table": READERS,
    "POST /incidents/query": READERS,
    "GET /incidents/total-counts": READERS,
    "POST /jobs/query": READERS,
    "POST /messages/query": READERS,
    "POST /messages/subscriptions/query": READERS,
    "POST /process-instances/query": READERS,
    "GET /process-instances/{partition}/{id}/variables": READERS,
    "POST /processes/query": READERS,
    "GET /processes/{id}/bpmn-xml": READERS,
    "POST /signals/subscriptions/query": READERS,
    "POST /tasks/query": READERS,
    "POST /user-tasks/query": READERS,
    "GET /v1/analytics/incidents": READERS,
    "GET /v1/incidents": READERS,
    "GET /v1/incidents/{incident_id}": READERS,
    "GET /v1/incidents/{incident_id}/history": READERS,
    "POST /variables/query": READERS,
    "POST /api/alerts/samples": WORKERS,
    "POST /api/checks/{id}/results": WORKERS,
    "PUT /element-instances/{partition}/{id}/variables": WORKERS,
    "PATCH /incidents/{partition}/{id}/resolve": WORKERS,
    "POST /jobs/complete": WORKERS,
    "POST /jobs/lock": WORKERS,
    "POST /jobs/unlock": WORKERS,
    "PATCH /jobs/{partition}/{id}/complete": WORKERS,
    "POST /messages": WORKERS,
    "POST /process-instances": WORKERS,
    "POST /process-instances/batch": WORKERS,
    "PATCH /process-instances/{partition}/{id}/cancel": WORKERS,
    "PATCH /process-instances/{partition}/{id}/resume": WORKERS,
    "PATCH /process-instances/{partition}/{id}/suspend": WORKERS,
    "PUT /process-instances/{partition}/{id}/variables": WORKERS,
    "POST /processes": WORKERS,
    "POST /signals": WORKERS,
    "POST /tasks/execute": WORKERS,
    "POST /tasks/unlock": WORKERS,
    "PATCH /user-tasks/{partition}/{id}": WORKERS,
    "PATCH /api/alerts/incidents/{incident_id}": OPERATORS,
    "POST /api/alerts/incidents/{incident_id}/notes": OPERATORS,
    "POST /api/checks": OPERATORS,
    "DELETE /api/checks/{id}": OPERATORS,
    "PATCH /api/checks/{id}": OPERATORS,
    "POST /api/incidents": OPERATORS,
    "PUT /api/incidents/{id}": OPERATORS,
    "POST /api/incidents/{id}/acknowledge": OPERATORS,
    "PUT /api/incidents/{id}/status": OPERATORS,
    "POST /api/incidents/{id}/updates": OPERATORS,
    "POST /v1/incidents": OPERATORS,
    "POST /v1/incidents/chat": OPERATORS,
    "PATCH /v1/incidents/{incident_id}": OPERATORS,
    "POST /v1/incidents/{incident_id}/merge": OPERATORS,
    "PATCH /v1/incidents/{incident_id}/severity": OPERATORS,
    "GET /process-instances/{partition}/{id}/history": LOOKERS_INTO,
    "GET /audit": AUDITORS,
    "GET /audit/head": AUDITORS,
    "GET /events": AUDITORS,
    "GET /events/{position}": AUDITORS,
    "GET /events/stream": AUDITORS,
    "GET /admin/intakes": ADMINS,
    "POST /admin/intakes": ADMINS,
    "DELETE /admin/intakes/{id}": ADMINS,
    "POST /admin/keys": ADMINS,
    "DELETE /admin/keys/{id}": ADMINS,
    "POST /api/alerts/rules": ADMINS,
    "DELETE /api/alerts/rules/{rule_id}": ADMINS,
    "PATCH /api/alerts/rules/{rule_id}": ADMINS,
    "PUT /api/alerts/rules/{rule_id}": ADMINS,
    "GET /webhooks": ADMINS,
    "POST /webhooks": ADMINS,
    "DELETE /webhooks/{id}": ADMINS,
    "GET /webhooks/{id}": ADMINS,
    "PATCH /webhooks/{id}": ADMINS,
    "GET /webhooks/{id}/deliveries": ADMINS,
    "GET /webhooks/{id}/deliveries/{delivery}": ADMINS,
    "POST /webhooks/{id}/deliveries/{delivery}/redeliver": ADMINS,
    "POST /webhooks/{id}/disable": ADMINS,
    "POST /webhooks/{id}/enable": ADMINS,
    "POST /webhooks/{id}/replay": ADMINS,
    "POST /webhooks/{id}/secret/rotate": ADMINS,
    "POST /webhooks/{id}/test": ADMINS,
    "POST /admin/tenants": OWNERS,
    "PATCH /admin/tenants/{id}": OWNERS,
    "PATCH /time": OWNERS,
}

#: What is asked of a route whose answer has no end: something that it refuses whoever may use it.
REFUSED = {"GET /events/stream": "?after=x"}


@pytest.fixture(scope="module")
async def node(shared_database: str) -> AsyncIterator[Callers]:
    async with callers(shared_database, set_time_enabled=True) as them:
        yield them


def routes(node: Callers) -> Iterator[str]:
    """Yield every route with its method, without those that say how the API is documented or what a path allows."""
    for route in node.app.routes:
        path = route.path.replace(":str", "")
        if isinstance(route, HTTPRoute) and not path.startswith("/schema"):
            methods = {method for handler in route.route_handlers for method in handler.http_methods}
            yield from (f"{method} {path}" for method in methods - {"OPTIONS"})


async def test_every_route_is_in_the_table(node: Callers) -> None:
    assert sorted(routes(node)) == sorted(ROUTES)


async def test_each_role_may_use_what_the_table_says_and_nothing_else(node: Callers) -> None:
    keys: dict[str, str] = {role: (await node.key("default", role))["key"] for role in ROLES}
    wrong = []
    for route, allowed in ROUTES.items():
        method, template = route.split()
        path = template.replace("{tenant_id}", "default").replace("{", "").replace("}", "") + REFUSED.get(route, "")
        for role in ("", *ROLES):
            headers = {"Authorization": f"Bearer {keys[role]}"} if role else {}
            status = (await node.client.request(method, path, headers=headers)).status_code
            kept_out = status == (403 if role else 401)
            # An inbound webhook without a signature is refused as one without a credential is.
            if kept_out == (role in allowed) and "/v1/webhooks/" not in path:
                wrong.append(f"{route} as {role or 'nobody'}: {status}")
    assert not wrong


async def test_another_tenants_owner_runs_that_tenant_and_not_the_deployment(node: Callers) -> None:
    await node.register("acme", "enterprise")
    owner = (await node.key("acme", "owner"))["key"]
    for route, allowed in ROUTES.items():
        method, path = route.replace("{", "").replace("}", "").split()
        status = (await node.ask(owner, method, path + REFUSED.get(route, ""))).status_code
        assert (status == 403) is (allowed is OWNERS), route
