"""Rules over HTTP: their fields and defaults, their words, and what is no rule (contracts/incidents.md 0.6, 4.6)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.alerting import INCIDENTS, RULE, AlertsClient, alerts_client

RULES = "/api/alerts/rules"

TERMS: dict[str, Any] = {
    "name": "Failing models",
    "module": "models",
    "metric": "error_rate",
    "condition": {"operator": "gt", "threshold": 5},
    "windowMinutes": 15,
}

#: The table of section 4.6, with ``model_usage_error_rate`` and the modules of section 0.6.
METRICS = {
    "models": [
        "error_rate",
        "model_usage_error_rate",
        "avg_latency_ms",
        "p95_latency_ms",
        "total_cost",
        "total_requests",
    ],
    "inference": ["gpu_cache_usage", "request_queue_depth"],
    "guardrails": ["guardrail_fail_rate", "guardrail_avg_latency_ms", "guardrail_total_evaluations"],
    "rag": ["rag_avg_latency_ms", "rag_total_queries", "rag_failed_documents"],
    "mcp": ["mcp_error_rate", "mcp_avg_latency_ms", "mcp_total_requests"],
    "analysis": ["analysis_pass_rate", "analysis_avg_judge_score", "analysis_avg_accuracy"],
    "evaluation": ["evaluation_pass_rate", "evaluation_avg_score"],
    "redteam": ["redteam_attack_success_rate", "redteam_resilience_score"],
    "process": [
        "job_error_rate",
        "process_incident_count",
        "open_incident_count",
        "job_backlog_count",
        "job_backlog_age_seconds",
        "instance_duration_p95_ms",
    ],
    "custom": [],
}


@pytest.fixture(scope="module")
async def alerts(shared_database: str) -> AsyncIterator[AlertsClient]:
    async with alerts_client(shared_database) as client:
        yield client


async def created(alerts: AlertsClient, **more: Any) -> Any:
    answer = await alerts.call("POST", RULES, {**TERMS, **more})
    assert answer.status_code == 201, answer.text
    assert int(answer.headers["Annals-Position"]) > 0
    return answer.json()["rule"]


async def test_a_rule_has_every_field_and_defaults_for_what_is_left_out(alerts: AlertsClient) -> None:
    rule = await created(alerts)
    assert rule["_id"].startswith("rule_")
    assert len(rule["_id"]) == len(RULE)
    assert rule == {
        "_id": rule["_id"],
        "tenantId": "default",
        **TERMS,
        "description": "",
        "cooldownMinutes": 60,
        "scope": {},
        "channels": [{"type": "email", "recipients": []}],
        "enabled": True,
        "lastTriggeredAt": None,
        "lastIncidentId": None,
        "lastError": None,
        "createdBy": "key:bootstrap",
        "updatedBy": "key:bootstrap",
        "createdAt": rule["createdAt"],
        "updatedAt": rule["createdAt"],
    }
    assert (await alerts.ok("GET", f"{RULES}/{rule['_id']}")) == {"rule": rule}


async def test_everything_that_is_given_is_kept(alerts: AlertsClient) -> None:
    given = {
        "name": "Slow tools",
        "description": "of the west",
        "module": "mcp",
        "metric": "mcp_avg_latency_ms",
        "condition": {"operator": "gte", "threshold": 1500.5},
        "windowMinutes": 60,
        "cooldownMinutes": 0,
        "scope": {"mcpServerKey": "west"},
        "channels": [{"type": "email", "recipients": ["ops@example.org"], "subject": {"prefix": "!"}}],
        "enabled": False,
    }
    rule = await created(alerts, **given)
    assert {name: rule[name] for name in given} == given


async def test_the_list_has_the_rules_of_the_tenant_and_the_words_of_rules(alerts: AlertsClient) -> None:
    first, second = await created(alerts), await created(alerts, name="Second")
    answer = await alerts.ok("GET", RULES)
    assert answer["rules"][-2:] == [first, second]
    assert answer["meta"] == {
        "validMetrics": [metric for metrics in METRICS.values() for metric in metrics],
        "validModules": [*METRICS],
        "validWindows": [5, 15, 30, 60],
        "moduleMetrics": METRICS,
    }
    rival = await alerts.tenant("rival")
    assert (await alerts.ok("GET", RULES, Authorization=rival))["rules"] == []


async def test_every_metric_of_a_module_may_be_watched_and_no_other(alerts: AlertsClient) -> None:
    for module, metrics in METRICS.items():
        for metric in metrics:
            assert (await created(alerts, module=module, metric=metric))["metric"] == metric
        foreign = "gpu_cache_usage" if module != "inference" else "error_rate"
        if module == "custom":
            assert (await created(alerts, module=module, metric=foreign))["metric"] == foreign
            continue
        refused = await alerts.error("POST", RULES, {**TERMS, "module": module, "metric": foreign})
        assert refused == (400, f"fields are invalid: metric must be one of {', '.join(metrics)}")


async def test_a_metric_of_ones_own_has_a_plain_name(alerts: AlertsClient) -> None:
    for name in ("a", "queue_depth", "z9_", "a" * 100):
        assert (await created(alerts, module="custom", metric=name))["metric"] == name
    for name in ("Queue", "9lives", "_a", "a-b", "a b", "ä", "a" * 101, "a\n"):
        refused = await alerts.error("POST", RULES, {**TERMS, "module": "custom", "metric": name})
        assert refused == (400, "fields are invalid: metric must match regex ^[a-z][a-z0-9_]{0,99}$"), name


async def test_every_operator_and_every_window_is_taken(alerts: AlertsClient) -> None:
    for operator in ("gt", "lt", "gte", "lte", "eq"):
        for window in (5, 15, 30, 60):
            condition = {"operator": operator, "threshold": -0.5}
            rule = await created(alerts, condition=condition, windowMinutes=window)
            assert (rule["condition"], rule["windowMinutes"]) == (condition, window)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name is required"),
    ({"name": " \t"}, "name is required"),
    ({"name": "x" * 201}, "name exceeds a maximum of 200"),
    ({"name": "a\0b"}, "name must not contain control characters"),
    ({"name": 5}, "name: Expected `str`, got `int`"),
    ({"description": "x" * 2001}, "description must have at most 2000 characters"),
    ({"module": ""}, "module is required"),
    ({"module": "aegis"}, f"module must be one of {', '.join(METRICS)}"),
    ({"metric": ""}, "metric is required"),
    ({"condition": {}}, "condition/operator is required"),
    ({"condition": {"operator": "ne", "threshold": 1}}, "condition/operator must be one of gt, lt, gte, lte, eq"),
    ({"condition": {"operator": "gt"}}, "condition/threshold is required"),
    ({"condition": {"operator": "gt", "threshold": "5"}}, "condition/threshold: Expected `float | null`, got `str`"),
    ({"condition": {"operator": "gt", "threshold": 1e16}}, "condition/threshold must be from -1e15 to 1e15"),
    ({"condition": {"operator": "gt", "threshold": 1, "unit": "%"}}, "condition/unit"),
    ({"condition": "gt 5"}, "condition: Expected `object`, got `str`"),
    ({"windowMinutes": None}, "windowMinutes must be one of 5, 15, 30, 60"),
    ({"windowMinutes": 10}, "windowMinutes must be one of 5, 15, 30, 60"),
    ({"windowMinutes": 15.5}, "windowMinutes: Expected `int | null`, got `float`"),
    ({"windowMinutes": "15"}, "windowMinutes: Expected `int | null`, got `str`"),
    ({"cooldownMinutes": -1}, "cooldownMinutes must be from 0 to 10080"),
    ({"cooldownMinutes": 10_081}, "cooldownMinutes must be from 0 to 10080"),
    ({"scope": {"queue": "a"}}, "scope may have modelKey, serverKey, guardrailKey, ragModuleKey, mcpServerKey"),
    ({"scope": {"modelKey": ""}}, "scope/modelKey is required"),
    ({"scope": {"modelKey": "x" * 201}}, "scope/modelKey must have at most 200 characters"),
    ({"scope": {"modelKey": 5}}, "Expected `str`, got `int`"),
    ({"scope": []}, "scope: Expected `object`, got `array`"),
    ({"channels": [{}]}, "channels/0/type must be a text of 1 to 100 characters"),
    ({"channels": [{"type": "email"}] * 21}, "channels must be at most 20 channels of 10000 bytes together"),
    ({"channels": ["email"]}, "channels/0: Expected `object`, got `str`"),
    ({"enabled": "yes"}, "enabled: Expected `bool | null`, got `str`"),
    ({"severity": "critical"}, "severity: Object contains unknown field `severity`"),
]


async def test_a_wrong_field_is_named_and_nothing_is_made(alerts: AlertsClient) -> None:
    rule = await created(alerts)
    before = await alerts.ok("GET", RULES)
    for more, reason in WRONG:
        for method, path in (("POST", RULES), ("PUT", f"{RULES}/{rule['_id']}")):
            status, text = await alerts.error(method, path, {**TERMS, **more})
            assert status == 400, (more, text)
            assert reason in text, (more, text)
    assert await alerts.ok("GET", RULES) == before


async def test_every_field_that_is_missing_is_told_at_once(alerts: AlertsClient) -> None:
    reasons = (
        *(
            f"{field} is required"
            for field in ("name", "module", "metric", "condition/operator", "condition/threshold")
        ),
        "windowMinutes must be one of 5, 15, 30, 60",
    )
    assert await alerts.error("POST", RULES, {}) == (400, f"fields are invalid: {'; '.join(reasons)}")


async def test_scopes_of_processes_and_of_ones_own_metrics_have_keys_of_their_own(alerts: AlertsClient) -> None:
    process = {"module": "process", "metric": "job_error_rate"}
    scope = {"processKey": "order", "version": "1", "activityId": "pay"}
    assert (await created(alerts, **process, scope=scope))["scope"] == scope
    status, text = await alerts.error("POST", RULES, {**TERMS, **process, "scope": {"modelKey": "gpt"}})
    assert (status, text) == (400, "fields are invalid: scope may have processKey, version, activityId")
    own = {"queue": "mails", "data-centre": "west"}
    assert (await created(alerts, module="custom", metric="depth", scope=own))["scope"] == own


async def test_put_gives_other_terms_and_defaults_for_what_is_left_out(alerts: AlertsClient) -> None:
    rule = await created(alerts, description="old", cooldownMinutes=5, scope={"modelKey": "gpt"}, enabled=False)
    path = f"{RULES}/{rule['_id']}"
    admin = await alerts.key("admin", name="ada")
    terms = {**TERMS, "name": "Renamed", "windowMinutes": 5}
    changed = (await alerts.ok("PUT", path, terms, Authorization=admin))["rule"]
    defaults = {"description": "", "cooldownMinutes": 60, "scope": {}, "enabled": False}
    assert changed == {**rule, **terms, **defaults, "updatedBy": "key:ada", "updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] >= rule["updatedAt"]
    assert (await alerts.ok("PUT", path, terms))["rule"] == changed
    assert (await alerts.ok("PUT", path, {**terms, "enabled": True}))["rule"]["enabled"] is True


async def test_patch_switches_a_rule_off_and_on(alerts: AlertsClient) -> None:
    rule = await created(alerts)
    path = f"{RULES}/{rule['_id']}"
    off = (await alerts.ok("PATCH", path, {"enabled": False}))["rule"]
    assert off == {**rule, "enabled": False, "updatedAt": off["updatedAt"]}
    assert (await alerts.ok("PATCH", path, {"enabled": False}))["rule"] == off
    assert (await alerts.ok("PATCH", path, {"enabled": True}))["rule"]["enabled"] is True
    wrong: tuple[Any, ...] = ({}, [], *({"enabled": word} for word in (None, "no", 0)), {"enabled": True, "name": "x"})
    for body in wrong:
        assert (await alerts.error("PATCH", path, body))[0] == 400


async def test_a_rule_that_is_deleted_is_gone_and_its_incidents_stay(alerts: AlertsClient) -> None:
    rule = await created(alerts)
    incident = await alerts.opened()
    path = f"{RULES}/{rule['_id']}"
    answer = await alerts.call("DELETE", path)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    gone = (404, f"rule {rule['_id']} could not be found")
    for method, body in (("GET", None), ("PUT", TERMS), ("PATCH", {"enabled": True}), ("DELETE", None)):
        assert await alerts.error(method, path, body) == gone
    assert rule["_id"] not in {row["_id"] for row in (await alerts.ok("GET", RULES))["rules"]}
    assert (await alerts.ok("GET", f"{INCIDENTS}/{incident}"))["incident"]["_id"] == incident


WAYS = (("GET", None), ("PUT", TERMS), ("PATCH", {"enabled": False}), ("DELETE", None))


@pytest.mark.parametrize(("method", "body"), WAYS)
async def test_unknown_foreign_and_impossible_ids_are_answered_alike(
    alerts: AlertsClient, method: str, body: Any
) -> None:
    foreign = (await created(alerts))["_id"]
    rival = await alerts.tenant("rival")
    for rule in (
        foreign,
        RULE,
        "rule_x",
        foreign.lower(),
        foreign.removeprefix("rule_"),
        "inc" + foreign[4:],
        "ü" * 300,
    ):
        answer = await alerts.call(method, f"{RULES}/{rule}", body, Authorization=rival)
        assert (answer.status_code, answer.json()) == (404, {"error": f"rule {rule} could not be found"})
    assert (await alerts.ok("GET", f"{RULES}/{foreign}"))["rule"]["enabled"] is True


@pytest.mark.parametrize("role", ["viewer", "worker", "operator", "admin", "owner", "auditor"])
async def test_everyone_reads_rules_and_admins_change_them(alerts: AlertsClient, role: str) -> None:
    rule, key = await created(alerts), await alerts.key(role)
    path = f"{RULES}/{rule['_id']}"
    assert (await alerts.ok("GET", path, Authorization=key)) == {"rule": rule}
    assert (await alerts.ok("GET", RULES, Authorization=key))["rules"][-1] == rule
    for method, target, body in (("POST", RULES, TERMS), *((method, path, body) for method, body in WAYS[1:])):
        answer = await alerts.call(method, target, body, Authorization=key)
        if role in {"admin", "owner"}:
            assert answer.is_success
        else:
            assert (answer.status_code, answer.json()) == (403, {"error": f"role {role} does not allow this"})


async def test_a_rule_under_an_idempotency_key_is_made_once(alerts: AlertsClient) -> None:
    before = (await alerts.ok("GET", RULES))["rules"]
    first = await alerts.ok("POST", RULES, TERMS, Idempotency_Key="r1")
    assert await alerts.ok("POST", RULES, TERMS, Idempotency_Key="r1") == first
    assert (await alerts.error("POST", RULES, {**TERMS, "name": "other"}, Idempotency_Key="r1"))[0] == 409
    assert (await alerts.ok("GET", RULES))["rules"] == [*before, first["rule"]]
