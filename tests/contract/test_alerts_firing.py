"""From a rule and samples to an incident that a person works on in a browser (contracts/incidents.md 0.4 to 0.6, 4)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.rule_evaluation import RuleEvaluator
from tests.contract.alerting import INCIDENTS, AlertsClient, alerts_client
from tests.contract.test_alerts_rules import RULES, TERMS
from tests.contract.test_alerts_samples import SAMPLES
from tests.unit.token_minting import SECRET, token

FAILING = [{"metric": "error_rate", "failed": failed, "total": 20, "scope": {"modelKey": "gpt"}} for failed in (1, 4)]


@pytest.fixture
async def alerts(database: str) -> AsyncIterator[AlertsClient]:
    roles = ("api", "followers", "executor")  # rules are evaluated by the tests
    async with alerts_client(database, roles=roles, jwt_secret=SECRET, set_time_enabled=True) as client:
        yield client


async def evaluate(alerts: AlertsClient) -> None:
    """Evaluate all rules once."""
    node = alerts.node
    await RuleEvaluator(node.commands, node.reading, node.pools.queries, interval=60).evaluate_all()


async def fired(alerts: AlertsClient, **more: Any) -> tuple[Any, list[Any]]:
    """Have a rule evaluated on samples of which 12.5 % failed; return it with the incidents that it fired."""
    rule = (await alerts.ok("POST", RULES, {**TERMS, "scope": {"modelKey": "gpt"}, **more}))["rule"]
    await alerts.ok("POST", SAMPLES, {"samples": FAILING})
    await evaluate(alerts)
    path = f"{RULES}/{rule['_id']}"
    return (await alerts.ok("GET", path))["rule"], await incidents_of(alerts, rule)


async def incidents_of(alerts: AlertsClient, rule: Any) -> list[Any]:
    found: list[Any] = (await alerts.ok("GET", f"{INCIDENTS}?ruleId={rule['_id']}"))["incidents"]
    return found


async def test_a_breach_fires_an_incident_with_what_was_measured(alerts: AlertsClient) -> None:
    rule, (incident,) = await fired(alerts)
    at = incident["firedAt"]
    expected = {
        "ruleId": rule["_id"],
        "ruleName": "Failing models",
        "metric": "error_rate",
        "threshold": 5,
        "actualValue": 12.5,
        "severity": "critical",
        "status": "open",
        "metadata": {"operator": "gt", "windowMinutes": 15, "sampleCount": 40, "scope": {"modelKey": "gpt"}},
        "statusHistory": [{"status": "open", "changedBy": "system", "changedAt": at}],
    }
    assert {name: incident[name] for name in expected} == expected
    assert (rule["lastTriggeredAt"], rule["lastIncidentId"]) == (at, incident["_id"])


async def test_a_rule_that_fired_is_silent_for_its_cooldown_and_then_fires_again(alerts: AlertsClient) -> None:
    rule, _ = await fired(alerts, windowMinutes=30, cooldownMinutes=20)
    await evaluate(alerts)
    assert len(await incidents_of(alerts, rule)) == 1
    await alerts.ok("PATCH", "/time", {"timeDuration": "PT21M"})
    await evaluate(alerts)
    assert len(await incidents_of(alerts, rule)) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"enabled": False},
        {"condition": {"operator": "gt", "threshold": 12.5}},
        {"scope": {"modelKey": "other"}},
        {"metric": "total_cost"},
    ],
    ids=["disabled", "not broken", "another scope", "no samples"],
)
async def test_a_rule_that_is_not_broken_stays_silent(alerts: AlertsClient, more: Any) -> None:
    rule, incidents = await fired(alerts, **more)
    assert (incidents, rule["lastTriggeredAt"], rule["lastIncidentId"]) == ([], None, None)


async def test_an_incident_keeps_the_terms_that_were_broken(alerts: AlertsClient) -> None:
    rule, (incident,) = await fired(alerts)
    path = f"{RULES}/{rule['_id']}"
    await alerts.ok("PUT", path, {**TERMS, "name": "Renamed", "condition": {"operator": "lt", "threshold": 1}})
    assert await incidents_of(alerts, rule) == [incident]
    await alerts.ok("DELETE", path)
    assert await incidents_of(alerts, rule) == [incident]


async def test_a_person_works_on_it_in_a_browser(alerts: AlertsClient) -> None:
    _, (incident,) = await fired(alerts)
    path = f"{INCIDENTS}/{incident['_id']}"
    ada = token(sub="ada", email="ada@example.org", tenant_id="default", roles=["operator"])
    for method, below, body in (
        ("GET", "", None),
        ("PATCH", "", {"status": "acknowledged"}),
        ("PATCH", "", {"status": "resolved"}),
        ("POST", "/notes", {"content": "The model was rolled back."}),
    ):
        headers = {"Cookie": f"token={ada}", "Sec-Fetch-Site": "same-origin"}
        answer = await alerts.http.request(method, f"{path}{below}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
    shown = answer.json()["incident"]
    assert (shown["status"], shown["resolvedBy"]) == ("resolved", "ada")
    assert [change["changedBy"] for change in shown["statusHistory"]] == ["system", "ada", "ada"]
    (note,) = shown["notes"]
    assert (note["userId"], note["userEmail"], note["userName"]) == ("ada", "ada@example.org", "ada@example.org")


async def test_a_note_is_a_comment_in_uptime_and_a_comment_a_note(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    await alerts.noted(incident, "from alerts")
    updates = f"/api/incidents/{incident}/updates"
    await alerts.ok("POST", updates, {"message": "from uptime"})
    told = (await alerts.ok("GET", updates))["data"]["updates"]
    assert [update["message"] for update in told if update["action"] == "comment_added"] == [
        "from uptime",
        "from alerts",
    ]
    assert [note["content"] for note in (await alerts.shown(incident))["notes"]] == ["from alerts", "from uptime"]
