"""Whatever alerts refuses is told in its own form, and nothing is kept of it (contracts/incidents.md 0.6, 4.2)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.alerting import INCIDENTS, AlertsClient, alerts_client
from tests.contract.test_alerts_rules import RULES, TERMS
from tests.contract.test_alerts_samples import SAMPLES

BROKEN = (
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b'{"status": 1, "content": 1, "name": 1, "metric": 1}',
    b'{"status": "\\ud800", "content": "\\ud800", "name": "\\ud800", "metric": "\\ud800"}',
    b'{"status": "closed", "content": "x", "name": "x", "metric": "x", "owner": true}',
    b"[" * 100_000,
    b'{"status":' * 100_000,
    b'{"content": "' + b"x" * 1_100_000 + b'"}',
)


@pytest.fixture(scope="module")
async def alerts(shared_database: str) -> AsyncIterator[AlertsClient]:
    async with alerts_client(shared_database) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"{INCIDENTS}/<incident>"),
        ("POST", f"{INCIDENTS}/<incident>/notes"),
        ("POST", RULES),
        ("PUT", f"{RULES}/<rule>"),
        ("PATCH", f"{RULES}/<rule>"),
        ("POST", SAMPLES),
    ],
)
async def test_a_body_that_is_none_of_its_operation_is_refused_and_nothing_is_kept(
    alerts: AlertsClient, method: str, path: str
) -> None:
    incident, rule = await alerts.opened(), (await alerts.ok("POST", RULES, TERMS))["rule"]["_id"]
    there = path.replace("<incident>", incident).replace("<rule>", rule)
    facts = await alerts.node.pools.commands.fetchval("select count(*) from log.events")
    for body in BROKEN:
        status, text = await alerts.error(method, there, body, Content_Type="application/json")
        assert (status, bool(text)) == (400, True), body[:40]
    assert (await alerts.error(method, there, b"status=closed", Content_Type="text/plain"))[0] == 415
    assert await alerts.node.pools.commands.fetchval("select count(*) from log.events") == facts


async def test_without_a_credential_the_answer_is_401(alerts: AlertsClient) -> None:
    writes = (("PATCH", f"{INCIDENTS}/inc_x"), ("DELETE", f"{RULES}/rule_x"), ("POST", SAMPLES))
    for method, path in (("GET", INCIDENTS), ("GET", RULES), *writes):
        answer = await alerts.call(method, path, {}, Authorization="Bearer nobody")
        assert (answer.status_code, list(answer.json())) == (401, ["error", "message"])
        assert answer.json()["error"] == "Unauthorized"
        assert "Bearer" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "path", ["/api/alerts", "/api/alerts/", "/api/alerts/history", "/api/alerts/incidents/", "/api/alerts/rules/a/b/c"]
)
async def test_an_unknown_path_is_told_in_the_form_of_alerts(alerts: AlertsClient, path: str) -> None:
    assert await alerts.error("GET", path) == (404, f"nothing is served at {path}")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", INCIDENTS, {"GET"}),
        ("POST", INCIDENTS, {"GET"}),
        ("PUT", f"{INCIDENTS}/inc_x", {"GET", "PATCH"}),
        ("GET", f"{INCIDENTS}/inc_x/notes", {"POST"}),
        ("DELETE", RULES, {"GET", "POST"}),
        ("POST", f"{RULES}/rule_x", {"GET", "PUT", "PATCH", "DELETE"}),
        ("GET", SAMPLES, {"POST"}),
    ],
)
async def test_another_method_is_not_allowed(alerts: AlertsClient, method: str, path: str, allowed: set[str]) -> None:
    answer = await alerts.call(method, path)
    assert (answer.status_code, list(answer.json())) == (405, ["error"])
    assert allowed <= set(answer.headers["Allow"].split(", "))


OPERATIONS = {
    "listAlertIncidents": {"200", "400", "401", "429", "503"},
    "getAlertIncident": {"200", "400", "401", "404", "429", "503"},
    "moveAlertIncident": {"200", "400", "401", "403", "404", "409", "415", "429", "503"},
    "addAlertNote": {"200", "400", "401", "403", "404", "409", "415", "429", "503"},
    "listAlertRules": {"200", "400", "401", "429", "503"},
    "createAlertRule": {"201", "400", "401", "403", "404", "409", "415", "429", "503"},
    "getAlertRule": {"200", "400", "401", "404", "429", "503"},
    "replaceAlertRule": {"200", "400", "401", "403", "404", "409", "415", "429", "503"},
    "enableAlertRule": {"200", "400", "401", "403", "404", "409", "415", "429", "503"},
    "deleteAlertRule": {"200", "400", "401", "403", "404", "409", "429", "503"},
    "reportAlertSamples": {"202", "400", "401", "403", "409", "415", "429", "503"},
}


async def test_every_operation_is_documented_with_examples_and_its_refusals(alerts: AlertsClient) -> None:
    document = await alerts.ok("GET", "/schema/openapi.json")
    operations: dict[str, Any] = {
        operation["operationId"]: operation
        for path, methods in document["paths"].items()
        if path.startswith("/api/alerts")
        for operation in methods.values()
    }
    told = {name: set(operation["responses"]) - {"500"} for name, operation in operations.items()}
    assert told == OPERATIONS
    for operation in operations.values():
        assert operation["tags"] == ["alerts"]
        assert operation["summary"]
        for status, response in operation["responses"].items():
            content = response["content"]["application/json"]
            assert content["schema"]
            assert status.startswith("2") or content["examples"], (operation["operationId"], status)
        for parameter in operation.get("parameters", []):
            assert parameter["schema"]
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            assert content["schema"].get("properties") or content["schema"]["oneOf"]
            assert content["examples"]


async def test_the_parameters_of_the_list_are_documented_with_their_words(alerts: AlertsClient) -> None:
    document = await alerts.ok("GET", "/schema/openapi.json")
    parameters = {parameter["name"]: parameter for parameter in document["paths"][INCIDENTS]["get"]["parameters"]}
    assert set(parameters) == {"ruleId", "status", "severity", "limit", "skip", "minPosition"}
    assert parameters["status"]["schema"]["enum"] == ["open", "acknowledged", "investigating", "resolved", "closed"]
    assert parameters["severity"]["schema"]["enum"] == ["critical", "warning", "info"]
    assert (parameters["limit"]["schema"]["maximum"], parameters["limit"]["schema"]["default"]) == (200, 50)
