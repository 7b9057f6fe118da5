"""Bodies that are none, or that nobody honest sends: a clear refusal in the feed's form, and nothing is stored."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.contract.administering import OWNER, Callers, callers
from tests.contract.handing_in import CUSTOM, Sender, sender, signature


def deep(levels: int) -> bytes:
    """Return a custom alert whose metadata lies so deep; the alert itself is a level."""
    inner = b"[" * (levels - 2) + b"]" * (levels - 2)
    return b'{"title": "t", "description": "d", "metadata": {"a": ' + inner + b"}}"


NO_JSON = (
    b"",
    b" ",
    b"null",
    b"[]",
    b'"text"',
    b"7",
    b"{",
    b'{"title": "t", "description": "d"',
    b'{"title": "t", "description": "d"} {}',
    b'{"title": "t", "description": NaN}',
    b'{"title": "t", "description": "d", "title"}',
    b'{"title": "\\ud800", "description": "d"}',
    b'{"title": "a\x00b", "description": "d"}',
    b'{"title": "\xff", "description": "d"}',
    b"\xff\xfe{}",
    b"\x1f\x8b\x08\x00",
    b"title=t&description=d",
    b"[" * 100_000,
    b'{"title":' * 100_000,
    b'{"title": "t", "description": "d", "metadata": ' + b'{"a":' * 50_000,
)

WRONG: tuple[tuple[Mapping[str, Any], str], ...] = (
    ({"description": "d"}, "title"),
    ({"title": "t"}, "description"),
    ({"title": None, "description": "d"}, "title"),
    ({"title": 5, "description": "d"}, "title"),
    ({"title": ["t"], "description": "d"}, "title"),
    ({**CUSTOM, "title": ""}, "title"),
    ({**CUSTOM, "title": " \n\t"}, "title"),
    ({**CUSTOM, "title": "x" * 256}, "title"),
    ({**CUSTOM, "title": "a\u0000b"}, "title"),
    ({**CUSTOM, "title": "a\u009fb"}, "title"),
    ({**CUSTOM, "description": " "}, "description"),
    ({**CUSTOM, "description": "x" * 4001}, "description"),
    ({**CUSTOM, "description": "\u001b[2J"}, "description"),
    ({**CUSTOM, "severity": "catastrophic"}, "severity"),
    ({**CUSTOM, "severity": "warning"}, "severity"),
    ({**CUSTOM, "severity": ""}, "severity"),
    ({**CUSTOM, "severity": 3}, "severity"),
    ({**CUSTOM, "sourceAlertId": " "}, "sourceAlertId"),
    ({**CUSTOM, "sourceAlertId": "x" * 256}, "sourceAlertId"),
    ({**CUSTOM, "sourceAlertId": "\u0000"}, "sourceAlertId"),
    ({**CUSTOM, "sourceAlertId": 17}, "sourceAlertId"),
    ({**CUSTOM, "service": "x" * 256}, "service"),
    ({**CUSTOM, "service": "a\u0000"}, "service"),
    ({**CUSTOM, "environment": {}}, "environment"),
    ({**CUSTOM, "environment": "\u0000"}, "environment"),
    ({**CUSTOM, "tags": ["a"]}, "tags"),
    ({**CUSTOM, "tags": "a"}, "tags"),
    ({**CUSTOM, "tags": {"a": {"b": ["x\u0000y"]}}}, "metadata"),
    ({**CUSTOM, "metadata": {"\u0000": 1}}, "metadata"),
    ({**CUSTOM, "metadata": {"a": "x" * 40_000}}, "metadata"),
    ({**CUSTOM, "metadata": 1}, "metadata"),
    ({**CUSTOM, "colour": "red"}, "colour"),
    ({**CUSTOM, "tenantId": "acme"}, "tenantId"),
)


@pytest.fixture
async def admin(database: str) -> AsyncIterator[Callers]:
    async with callers(database, intake_limit=10_000) as them:
        yield them


async def count(admin: Callers) -> int:
    found: int = (await admin.ask(OWNER, "GET", "/v1/incidents")).json()["count"]
    return found


async def refused(sender: Sender, raw: bytes) -> str:
    answer = await sender.hands_in(raw)
    assert answer.status_code == 400, (raw[:60], answer.text)
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error", "message"}
    assert answer.json()["error"] == "validation_error"
    message: str = answer.json()["message"]
    return message


@pytest.mark.parametrize("provider", ["custom", "alertmanager", "pagerduty"])
async def test_a_body_that_is_none_is_refused_in_every_form(admin: Callers, provider: str) -> None:
    signing = await sender(admin, provider)
    for raw in NO_JSON:
        await refused(signing, raw)
    assert await count(admin) == 0


async def test_whatever_is_wrong_with_a_custom_alert_is_named_and_nothing_stored(admin: Callers) -> None:
    custom = await sender(admin, "custom")
    for body, place in WRONG:
        assert place in await refused(custom, json.dumps(body).encode()), body
    assert await count(admin) == 0


async def test_everything_that_is_wrong_is_named_at_once(admin: Callers) -> None:
    custom = await sender(admin, "custom")
    message = await refused(custom, json.dumps({"title": "", "description": "", "severity": "bad"}).encode())
    assert all(place in message for place in ("title", "description", "severity"))


async def test_what_lies_deeper_than_a_hundred_levels_is_not_read(admin: Callers) -> None:
    custom = await sender(admin, "custom")
    assert "deeper than 100 levels" in await refused(custom, deep(101))
    assert await count(admin) == 0
    assert (await custom.hands_in(deep(100))).status_code == 202


async def test_what_may_stand_in_a_text_may_stand_in_an_alert(admin: Callers) -> None:
    custom = await sender(admin, "custom")
    body = {
        "title": "Ünïcödé <b>&amp;</b> \U0001f525 '; drop table log.events; --",
        "description": "two\nlines\tand {{ braces }} %s \\u0000 written out",
        "sourceAlertId": "../../../etc/passwd",
        "tags": {"": "", "a.b": "$where"},
        "metadata": {"n": 10**1000, "f": 1e308, "t": True, "l": [None, {}], "s": "\\u0000"},
    }
    answer = await custom.hands_in(body)
    assert answer.status_code == 202, answer.text
    shown = (await admin.ask(OWNER, "GET", f"/v1/incidents/{answer.json()['incidentId']}")).json()
    assert (shown["title"], shown["description"]) == (body["title"], body["description"])
    assert shown["cause"]["externalId"] == body["sourceAlertId"]


async def test_a_body_of_another_type_is_not_read(admin: Callers) -> None:
    custom = await sender(admin, "custom")
    raw = json.dumps(CUSTOM).encode()
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "\xe9"):
        signed = signature(custom.opened["secret"], raw)
        answer = await custom.sends(raw, X_Webhook_Signature=signed, Content_Type=media_type)
        assert (answer.status_code, answer.json()["error"]) == (415, "validation_error")
    signed = signature(custom.opened["secret"], raw)
    with_charset = "application/json; charset=utf-8"
    assert (await custom.sends(raw, X_Webhook_Signature=signed, Content_Type=with_charset)).status_code == 202


async def test_the_longest_that_may_be_is_taken(admin: Callers) -> None:
    custom = await sender(admin, "custom")
    body = {
        "title": "t" * 255,
        "description": "d" * 4000,
        "sourceAlertId": "i" * 255,
        "service": "s" * 255,
        "environment": "e" * 255,
        "metadata": {"a": "x" * 32_000},
    }
    assert (await custom.hands_in(body)).status_code == 202
