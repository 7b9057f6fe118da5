"""Incidents as alerts lists and shows them: fields, filters, pages, the count of open ones (incidents.md 4.2, 4.3)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from domain.incidents.events import IncidentAssigned, IncidentOpened, IncidentSeverityChanged
from tests.contract.alerting import (
    BREACH,
    BY_HAND,
    INCIDENTS,
    OUTAGE,
    OUTSIDE,
    RULE,
    RULE_CAUSE,
    AlertsClient,
    alerts_client,
)
from tests.contract.tracking import WAYS

OTHER_RULE = "rule_01JD8QZ2N3W4X5Y6Z7A8B9C0D2"
UNKNOWN = "inc_01JD8QZ2N3W4X5Y6Z7A8B9C0D1"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture
async def alerts(database: str) -> AsyncIterator[AlertsClient]:
    async with alerts_client(database) as client:
        yield client


async def test_an_incident_of_a_rule_has_every_field(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    shown = await alerts.shown(incident)
    fired = shown["firedAt"]
    assert shown == {
        "_id": incident,
        "tenantId": "default",
        "ruleId": RULE,
        "ruleName": "Failing models",
        "metric": "error_rate",
        "threshold": 5,
        "actualValue": 12.3,
        "severity": "critical",
        "status": "open",
        "assignedTo": None,
        "notes": [],
        "statusHistory": [{"status": "open", "changedBy": "system", "changedAt": fired}],
        "firedAt": fired,
        "acknowledgedAt": None,
        "resolvedAt": None,
        "resolvedBy": None,
        "closedAt": None,
        "metadata": {"operator": "gt", "windowMinutes": 15, "sampleCount": 42, "scope": {"modelKey": "gpt"}},
        "createdAt": fired,
        "updatedAt": fired,
    }
    assert (await alerts.ok("GET", INCIDENTS)) == {"incidents": [shown], "openCount": 1}


@pytest.mark.parametrize("opened", [OUTAGE, OUTSIDE, BY_HAND], ids=lambda opened: str(opened.source))
async def test_an_incident_that_no_rule_fired_has_no_rule_and_no_value(
    alerts: AlertsClient, opened: IncidentOpened
) -> None:
    shown = await alerts.shown(await alerts.opened(opened))
    assert [shown[name] for name in ("ruleId", "ruleName", "metric", "threshold", "actualValue")] == [None] * 5
    assert shown["metadata"] == {"operator": None, "windowMinutes": None, "sampleCount": None, "scope": {}}


async def test_an_incident_of_a_process_is_shown_as_fired_by_its_worker(alerts: AlertsClient) -> None:
    await alerts.deploy()
    await alerts.start()
    (job,) = await alerts.lock(worker="ada")
    await alerts.complete(job, worker="ada", error="no money")
    (incident,) = await alerts.listed()
    shown = await alerts.shown(incident)
    assert (shown["severity"], shown["status"], shown["ruleId"]) == ("warning", "open", None)
    assert shown["statusHistory"] == [{"status": "open", "changedBy": "ada", "changedAt": shown["firedAt"]}]


async def test_moments_are_iso_8601_with_milliseconds(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    now = alerts.node.commands.clock.now().replace(microsecond=0) + timedelta(seconds=1)
    await alerts.happened(incident, *WAYS["acknowledged"], at=now)
    await alerts.happened(incident, *WAYS["resolved"], at=now + timedelta(milliseconds=120))
    shown = await alerts.shown(incident)
    assert shown["acknowledgedAt"] == f"{now:%Y-%m-%dT%H:%M:%S}.000Z"
    assert shown["resolvedAt"] == shown["updatedAt"] == f"{now:%Y-%m-%dT%H:%M:%S}.120Z"


async def test_a_severity_is_shown_and_filtered_by_its_word(alerts: AlertsClient) -> None:
    words = {4: "critical", 3: "warning", 2: "warning", 1: "info", 0: "info"}
    them = {rank: await alerts.opened(replace(BREACH, severity=rank)) for rank in words}
    for rank, word in words.items():
        assert (await alerts.shown(them[rank]))["severity"] == word
        assert set(await alerts.listed(f"severity={word}")) == {them[other] for other in words if words[other] == word}


async def test_every_status_behind_a_word_is_found_by_it(alerts: AlertsClient) -> None:
    them = {status: await alerts.opened(BREACH, *way) for status, way in WAYS.items()}
    for word, behind in {
        "open": {"open"},
        "acknowledged": {"acknowledged", "triaging"},
        "investigating": {"investigating", "awaiting_approval", "remediating"},
        "resolved": {"resolved"},
        "closed": {"closed", "canceled"},
    }.items():
        assert set(await alerts.listed(f"status={word}")) == {them[status] for status in behind}
    assert set(await alerts.listed()) == set(them.values())


async def test_filters_hold_together(alerts: AlertsClient) -> None:
    other = replace(BREACH, severity=1, rule=replace(RULE_CAUSE, rule_id=OTHER_RULE.removeprefix("rule_")))
    one, two = await alerts.opened(), await alerts.opened(other)
    three = await alerts.opened(other, *WAYS["closed"])
    assert await alerts.listed(f"ruleId={RULE}") == [one]
    assert set(await alerts.listed(f"ruleId={OTHER_RULE}")) == {two, three}
    assert await alerts.listed(f"ruleId={OTHER_RULE}&status=open&severity=info") == [two]
    assert await alerts.listed(f"ruleId={OTHER_RULE}&severity=critical") == []
    assert await alerts.listed("ruleId=nothing-like-it") == []


async def test_what_changes_elsewhere_is_seen(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    await alerts.happened(incident, IncidentSeverityChanged(4, 2), IncidentAssigned("", "ada"))
    shown = await alerts.shown(incident)
    assert (shown["severity"], shown["assignedTo"]) == ("warning", "ada")
    assert len(shown["statusHistory"]) == 1


async def test_the_one_fired_last_comes_first_and_pages_part_the_list(alerts: AlertsClient) -> None:
    fired = [await alerts.opened() for _ in range(7)]
    newest_first = fired[::-1]
    assert await alerts.listed() == newest_first
    assert [await alerts.listed(f"limit=3&skip={skip}") for skip in (0, 3, 6, 7, 2_147_483_647)] == [
        newest_first[:3],
        newest_first[3:6],
        newest_first[6:],
        [],
        [],
    ]


async def test_a_page_has_50_incidents_and_200_at_most(alerts: AlertsClient) -> None:
    fired = [await alerts.opened() for _ in range(203)]
    newest_first = fired[::-1]
    assert await alerts.listed() == newest_first[:50]
    assert await alerts.listed("limit=200") == newest_first[:200]
    assert await alerts.listed("limit=200&skip=200") == newest_first[200:]


async def test_the_open_ones_of_the_tenant_are_counted_whatever_is_filtered_by(alerts: AlertsClient) -> None:
    for way in ((), (), WAYS["acknowledged"], WAYS["closed"], WAYS["canceled"]):
        await alerts.opened(BREACH, *way)
    await alerts.opened(OUTAGE)
    await alerts.tenant("rival")
    await alerts.opened(tenant="rival")
    for query in ("", "status=closed", "severity=info", f"ruleId={OTHER_RULE}", "limit=1&skip=3"):
        assert (await alerts.ok("GET", f"{INCIDENTS}?{query}"))["openCount"] == 3


UNMEANT = [
    ("status=triaging", "status must be one of open, acknowledged, investigating, resolved, closed"),
    ("status=OPEN", "status must be one of open, acknowledged, investigating, resolved, closed"),
    ("severity=high", "severity must be one of critical, warning, info"),
    ("severity=", "severity must be a text of 1 to 2048 characters"),
    ("status=open&status=closed", "status must be given once"),
    ("limit=0", "limit must be a whole number from 1 to 200"),
    ("limit=201", "limit must be a whole number from 1 to 200"),
    ("limit=ten", "limit must be a whole number from 1 to 200"),
    ("limit=1e1", "limit must be a whole number from 1 to 200"),
    ("limit=%2B5", "limit must be a whole number from 1 to 200"),
    ("skip=-1", "skip must be a whole number from 0 to 2147483647"),
    ("skip=99999999999999999999", "skip must be a whole number from 0 to 2147483647"),
    ("ruleId=a%00b", "ruleId must be a text of 1 to 2048 characters"),
    ("ruleId=%ff%fe%00", "ruleId must be a text of 1 to 2048 characters"),
    ("ruleId=" + "x" * 2049, "ruleId must be a text of 1 to 2048 characters"),
]


async def test_a_parameter_that_cannot_be_meant_is_refused(alerts: AlertsClient) -> None:
    for query, reason in UNMEANT:
        status, text = await alerts.error("GET", f"{INCIDENTS}?{query}")
        assert (status, text.endswith(reason)) == (400, True), (query, text)


PATHS = [("GET", "", None), ("PATCH", "", {"status": "acknowledged"}), ("POST", "/notes", {"content": "seen"})]


@pytest.mark.parametrize(("method", "below", "body"), PATHS)
async def test_unknown_foreign_and_impossible_ids_are_answered_alike(
    alerts: AlertsClient, method: str, below: str, body: Any
) -> None:
    await alerts.tenant("rival")
    foreign = await alerts.opened(tenant="rival")
    closed = await alerts.opened(BREACH, *WAYS["canceled"], tenant="rival")
    headers = []
    for incident in (
        UNKNOWN,
        foreign,
        closed,
        "inc_x",
        foreign.lower(),
        foreign.removeprefix("inc_"),
        "%00",
        "ü" * 300,
    ):
        answer = await alerts.call(method, f"{INCIDENTS}/{incident}{below}", body)
        told = "\0" if incident == "%00" else incident
        assert (answer.status_code, answer.json()) == (404, {"error": f"incident {told} could not be found"})
        headers.append(sorted(set(answer.headers) - {"content-length"}))
    assert headers.count(headers[0]) == len(headers)


READERS, OPERATORS = {"viewer", "worker", "operator", "admin", "owner", "auditor"}, {"operator", "admin", "owner"}


@pytest.mark.parametrize("role", sorted(READERS))
async def test_a_role_reads_or_works_on_incidents(alerts: AlertsClient, role: str) -> None:
    incident, key = await alerts.opened(), await alerts.key(role)
    assert (await alerts.shown(incident, Authorization=key))["_id"] == incident
    assert await alerts.listed(Authorization=key) == [incident]
    for method, below, body in PATHS[1:]:
        answer = await alerts.call(method, f"{INCIDENTS}/{incident}{below}", body, Authorization=key)
        if role in OPERATORS:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()) == (403, {"error": f"role {role} does not allow this"})


async def test_an_answer_says_which_position_it_reflects(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    before = await alerts.call("GET", f"{INCIDENTS}/{incident}")
    moved = await alerts.call("PATCH", f"{INCIDENTS}/{incident}", {"status": "acknowledged"})
    assert int(moved.headers["Annals-Position"]) > int(before.headers["Annals-Position"]) > 0


async def test_a_rival_sees_nothing_of_it(alerts: AlertsClient) -> None:
    await alerts.opened()
    rival = await alerts.tenant("rival")
    page = await alerts.ok("GET", INCIDENTS, Authorization=rival)
    assert page == {"incidents": [], "openCount": 0}
