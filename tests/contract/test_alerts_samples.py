"""Samples over HTTP: their forms, their times, and what is none (contracts/incidents.md 0.6)."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.alerting.events import Sample
from infra.codec import decode
from tests.contract.alerting import AlertsClient, alerts_client

SAMPLES = "/api/alerts/samples"
VALUE: dict[str, Any] = {"metric": "avg_latency_ms", "value": 231.5}
SHARE: dict[str, Any] = {"metric": "error_rate", "failed": 3, "total": 120}


@pytest.fixture
async def alerts(database: str) -> AsyncIterator[AlertsClient]:
    async with alerts_client(database) as client:
        yield client


async def kept(alerts: AlertsClient) -> list[Sample]:
    """Return all samples in the log."""
    statement = "select state from log.events where topic = 'samples.reported.v1' order by notification_id"
    rows = await alerts.node.pools.commands.fetch(statement)
    facts: list[Any] = [decode("samples.reported.v1", row["state"]) for row in rows]
    return [sample for fact in facts for sample in fact.samples]


def now(alerts: AlertsClient) -> datetime:
    return alerts.node.commands.clock.now()


async def taken(alerts: AlertsClient, body: Any) -> int:
    answer = await alerts.call("POST", SAMPLES, body)
    assert answer.status_code == 202, answer.text
    assert int(answer.headers["Annals-Position"]) > 0
    accepted: int = answer.json()["accepted"]
    return accepted


async def test_one_sample_is_taken_as_a_value_or_as_how_many_failed(alerts: AlertsClient) -> None:
    before = now(alerts)
    assert await taken(alerts, {**VALUE, "scope": {"modelKey": "gpt", "region": "eu"}}) == 1
    assert await taken(alerts, SHARE) == 1
    value, share = await kept(alerts)
    assert (value.metric, value.value, value.scope) == ("avg_latency_ms", 231.5, {"modelKey": "gpt", "region": "eu"})
    assert (share.metric, share.value, share.failed, share.total, share.scope) == ("error_rate", None, 3, 120, {})
    assert before <= value.at <= share.at <= now(alerts)


async def test_up_to_a_thousand_samples_are_taken_at_once(alerts: AlertsClient) -> None:
    assert await taken(alerts, {"samples": [VALUE, SHARE]}) == 2
    assert await taken(alerts, {"samples": [VALUE] * 1000}) == 1000
    assert len(await kept(alerts)) == 1002
    for samples in ([], [VALUE] * 1001):
        refused = await alerts.error("POST", SAMPLES, {"samples": samples})
        assert refused == (400, "fields are invalid: samples must be 1 to 1000 samples")
    assert len(await kept(alerts)) == 1002


async def test_a_time_is_iso_8601_or_milliseconds(alerts: AlertsClient) -> None:
    at = (now(alerts) - timedelta(minutes=10)).replace(microsecond=123_000)
    millis = round(at.timestamp() * 1000)
    plain = at.replace(tzinfo=None).isoformat(timespec="milliseconds")
    hours = (at + timedelta(hours=5, minutes=30)).replace(tzinfo=None).isoformat(timespec="milliseconds")
    ways = (f"{plain}Z", plain, f"{plain}+00:00", f"{hours}+05:30", f"{plain}999Z", millis, float(millis))
    assert await taken(alerts, {"samples": [{**VALUE, "time": way} for way in ways]}) == len(ways)
    assert {sample.at for sample in await kept(alerts)} == {at}


async def test_a_time_lies_from_61_minutes_ago_to_one_minute_ahead(alerts: AlertsClient) -> None:
    for ago in (timedelta(minutes=60, seconds=50), timedelta(0), -timedelta(seconds=50)):
        assert await taken(alerts, {**VALUE, "time": (now(alerts) - ago).isoformat()}) == 1
    for ago in (timedelta(minutes=61, seconds=1), timedelta(days=4000), -timedelta(seconds=70)):
        refused = await alerts.error("POST", SAMPLES, {**VALUE, "time": (now(alerts) - ago).isoformat()})
        assert refused == (400, "fields are invalid: time must be from 61 minutes ago to one minute ahead")
    assert len(await kept(alerts)) == 3


async def test_the_clock_that_counts_is_the_engine_s(database: str) -> None:
    async with alerts_client(database, set_time_enabled=True) as alerts:
        at = now(alerts).isoformat()
        await alerts.ok("PATCH", "/time", {"timeDuration": "PT2H"})
        assert (await alerts.error("POST", SAMPLES, {**VALUE, "time": at}))[0] == 400
        assert await taken(alerts, {**VALUE, "time": (now(alerts) - timedelta(minutes=5)).isoformat()}) == 1


WRONG: list[tuple[Any, str]] = [
    ({}, "metric is required; failed and total are required where there is no value"),
    ({**VALUE, "metric": ""}, "metric is required"),
    ({**VALUE, "metric": "Latency"}, "metric must match regex ^[a-z][a-z0-9_]{0,99}$"),
    ({**VALUE, "metric": 5}, "metric: Expected `str`, got `int`"),
    ({**VALUE, **SHARE}, "fields are invalid: must have a value, or failed and total, not both"),
    ({**VALUE, "failed": 0}, "must have a value, or failed and total, not both"),
    ({"metric": "error_rate", "failed": 3}, "failed and total are required where there is no value"),
    ({"metric": "error_rate", "total": 3}, "failed and total are required where there is no value"),
    ({**SHARE, "failed": 121}, "failed must be from 0 to total"),
    ({**SHARE, "failed": -1}, "failed must be from 0 to total"),
    ({**SHARE, "failed": 1.5}, "failed: Expected `int | null`, got `float`"),
    ({**VALUE, "value": "231"}, "value: Expected `float | null`, got `str`"),
    ({**VALUE, "value": True}, "value: Expected `float | null`, got `bool`"),
    ({**VALUE, "value": -1e16}, "value must be from -1e15 to 1e15"),
    ({**VALUE, "scope": {"model key": "gpt"}}, "scope keys must match regex"),
    ({**VALUE, "scope": {"": "gpt"}}, "scope keys must match regex"),
    ({**VALUE, "scope": {"modelKey": " "}}, "scope/modelKey is required"),
    ({**VALUE, "scope": {"modelKey": "a\0b"}}, "scope/modelKey must not contain control characters"),
    ({**VALUE, "scope": {"modelKey": 5}}, "Expected `str`, got `int`"),
    ({**VALUE, "scope": {f"k{number}": "v" for number in range(21)}}, "scope must have at most 20 pairs"),
    ({**VALUE, "scope": None}, "scope: Expected `object`, got `null`"),
    ({**VALUE, "time": "yesterday"}, "time must be an ISO 8601 time or milliseconds since 1970"),
    ({**VALUE, "time": "2026-02-30T10:00:00Z"}, "time must be an ISO 8601 time or milliseconds since 1970"),
    ({**VALUE, "time": "9999-12-31T23:59:59-05:00"}, "time must be an ISO 8601 time or milliseconds since 1970"),
    ({**VALUE, "time": 1e300}, "time must be an ISO 8601 time or milliseconds since 1970"),
    ({**VALUE, "time": 0}, "time must be from 61 minutes ago to one minute ahead"),
    ({**VALUE, "time": True}, "time: Expected"),
    ({**VALUE, "unit": "ms"}, "unit: Object contains unknown field `unit`"),
    ({"samples": VALUE}, "samples: Expected `array`, got `object`"),
    ({"samples": None}, "samples: Expected `array`, got `null`"),
    ({"samples": [None]}, "samples/0: Expected `object`, got `null`"),
    ({"samples": [VALUE], "metric": "error_rate"}, "metric: Object contains unknown field `metric`"),
    ({"samples": [VALUE, {**VALUE, "value": None}]}, "samples/1 failed and total are required"),
    ({"samples": [VALUE, {**VALUE, "metric": "A"}]}, "samples/1/metric must match regex"),
]


async def test_what_is_no_sample_is_told_and_nothing_is_kept(alerts: AlertsClient) -> None:
    for body, reason in WRONG:
        status, text = await alerts.error("POST", SAMPLES, body)
        assert status == 400, (body, text)
        assert reason in text, (body, text)
    for raw in (b'{"metric": "a", "value": NaN}', b'{"metric": "a", "value": 1e400}', b'{"metric": "a", "value": -}'):
        assert (await alerts.error("POST", SAMPLES, raw))[0] == 400
    assert await kept(alerts) == []


@pytest.mark.parametrize("role", ["viewer", "worker", "operator", "admin", "owner", "auditor"])
async def test_workers_and_operators_report_samples(alerts: AlertsClient, role: str) -> None:
    answer = await alerts.call("POST", SAMPLES, VALUE, Authorization=await alerts.key(role))
    if role in {"viewer", "auditor"}:
        assert (answer.status_code, answer.json()) == (403, {"error": f"role {role} does not allow this"})
    else:
        assert (answer.status_code, answer.json()) == (202, {"accepted": 1})


async def test_samples_under_an_idempotency_key_are_taken_once(alerts: AlertsClient) -> None:
    for _ in range(2):
        assert await alerts.ok("POST", SAMPLES, VALUE, Idempotency_Key="s1") == {"accepted": 1}
    refused = await alerts.error("POST", SAMPLES, SHARE, Idempotency_Key="s1")
    assert refused == (409, "it came with a different request then")
    assert len(await kept(alerts)) == 1
