"""Webhooks over HTTP: how they are made, changed and listed, what is no webhook, and whose they are."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.telling import NO_DELIVERY, NOBODY, URL, WEBHOOKS, WebhooksClient, webhooks_client

OWN_SECRET = "whsec_" + base64.b64encode(bytes(24)).decode()


@pytest.fixture(scope="module")
async def client(shared_database: str) -> AsyncIterator[WebhooksClient]:
    async with webhooks_client(shared_database, webhook_private_targets=("127.0.0.1", "hooks.internal:9000")) as opened:
        yield opened


async def position(client: WebhooksClient) -> int:
    return int((await client.call("GET", WEBHOOKS)).headers["annals-position"])


async def test_a_webhook_is_made_with_a_secret_that_is_shown_this_once(client: WebhooksClient) -> None:
    made = await client.created(description=" Desk ", types=["incident.*"], processKey="order", ordered=True)
    secret = made.pop("secret")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert made == await client.shown(made["id"])
    assert made == {
        "id": made["id"],
        "url": URL,
        "description": "Desk",
        "types": ["incident.*"],
        "processKey": "order",
        "ordered": True,
        "enabled": True,
        "disabledReason": None,
        "disabledAt": None,
        "createdAt": made["createdAt"],
        "createdBy": "key:bootstrap",
        "updatedAt": made["createdAt"],
        "updatedBy": "key:bootstrap",
        "secretRotatedAt": None,
    }
    everything = await client.ok("GET", "/events?limit=1000")
    assert secret not in str(everything)
    assert "sealed" not in str(everything)


async def test_a_secret_is_shown_also_while_the_read_model_is_behind(database: str) -> None:
    async with webhooks_client(database, roles=("api",)) as alone:
        made = await alone.created(processKey="order")
        assert made["secret"].startswith("whsec_")
        assert (made["url"], made["processKey"], made["enabled"]) == (URL, "order", True)


async def test_a_client_may_bring_its_own_secret(client: WebhooksClient) -> None:
    assert (await client.created(secret=OWN_SECRET))["secret"] == OWN_SECRET


async def test_a_request_that_is_sent_again_makes_no_second_webhook_and_shows_the_same_secret(
    client: WebhooksClient,
) -> None:
    once = {"Idempotency-Key": "the lost answer"}
    first, second = await client.created(headers=once), await client.created(headers=once)
    assert first == second
    other = await client.refused("POST", WEBHOOKS, {"url": f"{URL}/other"}, Idempotency_Key="the lost answer")
    assert other[:3] == (409, "CONFLICT", "idempotency key was used before")
    path = f"{WEBHOOKS}/{first['id']}/secret/rotate"
    rotations = [await client.ok("POST", path, Idempotency_Key="rotate") for _ in range(2)]
    assert rotations[0] == rotations[1] != first
    await client.ok("DELETE", f"{WEBHOOKS}/{first['id']}")
    assert (await client.refused("POST", WEBHOOKS, {"url": URL}, **{"Idempotency-Key": "the lost answer"}))[0] == 404


async def test_what_is_given_is_changed_and_the_rest_stays(client: WebhooksClient) -> None:
    made = await client.created(types=["incident.*"], description="Desk")
    path = f"{WEBHOOKS}/{made['id']}"
    changed = await client.ok("PATCH", path, {"url": f"{URL}/2", "types": []})
    assert (changed["url"], changed["types"], changed["description"]) == (f"{URL}/2", [], "Desk")
    assert changed == await client.shown(made["id"])
    before = await position(client)
    assert await client.ok("PATCH", path, {"url": f"{URL}/2"}) == changed
    assert await position(client) == before
    assert await client.pointers("PATCH", path, {}) == []


async def test_a_webhook_is_disabled_and_enabled(client: WebhooksClient) -> None:
    path = f"{WEBHOOKS}/{(await client.created())['id']}"
    disabled = await client.ok("POST", f"{path}/disable")
    assert (disabled["enabled"], disabled["disabledReason"]) == (False, "manual")
    assert disabled["disabledAt"] == disabled["updatedAt"]
    for operation, body in (("test", None), ("replay", {"upto": 1})):
        told = await client.refused("POST", f"{path}/{operation}", body)
        assert told[:3] == (409, "CONFLICT", "failed to send to webhook")
    enabled = await client.ok("POST", f"{path}/enable", {})
    assert (enabled["enabled"], enabled["disabledReason"], enabled["disabledAt"]) == (True, None, None)
    assert (await client.call("POST", f"{path}/test")).status_code == 202


async def test_a_deleted_webhook_is_gone(client: WebhooksClient) -> None:
    webhook = (await client.created())["id"]
    answer = await client.call("DELETE", f"{WEBHOOKS}/{webhook}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.refused("GET", f"{WEBHOOKS}/{webhook}"))[0] == 404
    assert (await client.refused("DELETE", f"{WEBHOOKS}/{webhook}"))[0] == 404
    assert (await client.refused("GET", f"{WEBHOOKS}/{webhook}/deliveries"))[0] == 404


async def test_a_new_secret_is_shown_once(client: WebhooksClient) -> None:
    made = await client.created()
    path = f"{WEBHOOKS}/{made['id']}/secret/rotate"
    rotated = await client.ok("POST", path, {"overlapSeconds": 0})
    assert rotated["id"] == made["id"]
    assert rotated["secret"] not in {made["secret"], ""}
    assert (await client.ok("POST", path, {"secret": OWN_SECRET}))["secret"] == OWN_SECRET
    assert (await client.shown(made["id"]))["secretRotatedAt"]


async def test_webhooks_are_listed_in_pages(client: WebhooksClient) -> None:
    key = await client.tenant("paging")
    ours = {"Authorization": key}
    made = [(await client.created(headers=ours))["id"] for _ in range(5)]
    seen: list[str] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        page = await client.ok("GET", f"{WEBHOOKS}?limit=2{cursor}", **ours)
        seen += [webhook["id"] for webhook in page["webhooks"]]
        cursor, pages = f"&cursor={page['next']}" if page["next"] else "", pages + 1
    assert (seen, pages) == (made, 3)
    assert "secret" not in {name for webhook in page["webhooks"] for name in webhook}


async def test_a_tenant_has_a_hundred_webhooks_and_no_more_however_many_are_made_at_once(
    client: WebhooksClient,
) -> None:
    ours = {"Authorization": await client.tenant("eager")}
    for _ in range(11):
        answers = await asyncio.gather(*(client.call("POST", WEBHOOKS, {"url": URL}, **ours) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {409}
    assert answers[0].json()["detail"] == "the tenant has 100 webhooks already"
    page = await client.ok("GET", f"{WEBHOOKS}?limit=100", **ours)
    assert (len(page["webhooks"]), page["next"]) == (100, None)


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/",
        "https://receiver.example:22/",
        "https://user:word@receiver.example/",
        "https://receiver.example/#part",
        "https://127.0.0.2:444/",
        "http://hooks.internal:9001/",
        "ftp://receiver.example/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://receiver.example/\r\nx: y",
        "https://receiver.example/\u0000",
        "https://receiver.example\\@127.0.0.1/",
        "https://",
        "",
        "https://receiver.example/" + "a" * 2048,
    ],
)
async def test_an_address_that_cannot_be_right_is_refused(client: WebhooksClient, url: str) -> None:
    before = await position(client)
    assert await client.pointers("POST", WEBHOOKS, {"url": url}) == ["#/url"]
    assert await position(client) == before


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://hooks.internal:9000/", "https://127.0.0.1:22/"])
async def test_hosts_that_the_deployment_names_may_be_private(client: WebhooksClient, url: str) -> None:
    made = await client.created(url)
    assert (await client.ok("PATCH", f"{WEBHOOKS}/{made['id']}", {"url": url}))["url"] == url


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (b"", []),
        (b"[]", ["#"]),
        (b"{", []),
        (b"\xff", []),
        ({}, ["#/url"]),
        ({"url": 1}, ["#/url"]),
        ({"url": None}, ["#/url"]),
        ({"url": URL, "types": "incident.*"}, ["#/types"]),
        ({"url": URL, "types": [1]}, ["#/types/0"]),
        ({"url": URL, "types": ["incident.*", "nothing.happened.v1"]}, ["#/types/1"]),
        ({"url": URL, "types": ["incident.*"] * 101}, ["#/types"]),
        ({"url": URL, "processKey": "\u0000"}, ["#/processKey"]),
        ({"url": URL, "description": "a" * 501}, ["#/description"]),
        ({"url": URL, "ordered": "yes"}, ["#/ordered"]),
        ({"url": URL, "secret": "whsec_short"}, ["#/secret"]),
        ({"url": URL, "sealedSecret": "x"}, ["#/sealedSecret"]),
        ({"url": "x", "types": ["x"], "secret": "x"}, ["#/url", "#/types/0", "#/secret"]),
    ],
)
async def test_a_body_that_is_wrong_is_refused_with_its_causes(
    client: WebhooksClient, body: Any, pointers: list[str]
) -> None:
    before = await position(client)
    assert await client.pointers("POST", WEBHOOKS, body) == pointers
    assert await position(client) == before


@pytest.mark.parametrize(
    ("operation", "body", "pointers"),
    [
        ("secret/rotate", {"overlapSeconds": -1}, ["#/overlapSeconds"]),
        ("secret/rotate", {"overlapSeconds": 604_801}, ["#/overlapSeconds"]),
        ("secret/rotate", {"overlapSeconds": 10**30}, ["#/overlapSeconds"]),
        ("secret/rotate", {"secret": "x"}, ["#/secret"]),
        ("replay", {}, ["#/upto"]),
        ("replay", {"after": 2, "upto": 2}, ["#/upto"]),
        ("replay", {"after": -1, "upto": 2}, ["#/after"]),
        ("replay", {"after": "1", "upto": 2}, ["#/after"]),
        ("replay", {"upto": 1.5}, ["#/upto"]),
        ("replay", {"upto": 2**62}, ["#/upto"]),
        ("replay", {"upto": 2**64}, ["#/upto"]),
        ("enable", {"url": URL}, ["#/url"]),
        ("disable", {"reason": "gone"}, ["#/reason"]),
        ("test", b"x", []),
    ],
)
async def test_what_is_asked_of_a_webhook_must_make_sense(
    client: WebhooksClient, operation: str, body: Any, pointers: list[str]
) -> None:
    path = f"{WEBHOOKS}/{(await client.created())['id']}"
    before = await position(client)
    assert await client.pointers("POST", f"{path}/{operation}", body) == pointers
    assert await position(client) == before


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=101", "limit=x", "limit=", "limit=1&limit=2", "cursor=x", f"cursor={NOBODY}", "cursor="),
        "cursor=" + "A" * 80,
    ],
)
async def test_parameters_of_the_list_that_cannot_be_read_are_refused(client: WebhooksClient, query: str) -> None:
    status, kind, *_ = await client.refused("GET", f"{WEBHOOKS}?{query}")
    assert (status, kind) == (400, "HTTP_REQUEST_URI")


@pytest.mark.parametrize(
    "query", ["state=gone", "state=", "limit=0", "limit=101", "before=0", "before=x", "before=-1", "before=" + "9" * 20]
)
async def test_parameters_of_deliveries_that_cannot_be_read_are_refused(client: WebhooksClient, query: str) -> None:
    webhook = (await client.created())["id"]
    status, kind, *_ = await client.refused("GET", f"{WEBHOOKS}/{webhook}/deliveries?{query}")
    assert (status, kind) == (400, "HTTP_REQUEST_URI")


async def test_a_cursor_of_another_tenant_is_none(client: WebhooksClient) -> None:
    theirs, ours = [{"Authorization": await client.tenant(tenant)} for tenant in ("cursor-a", "cursor-b")]
    for _ in range(2):
        await client.created(headers=theirs)
    cursor = (await client.ok("GET", f"{WEBHOOKS}?limit=1", **theirs))["next"]
    path = f"{WEBHOOKS}?limit=1&cursor={cursor}"
    assert (await client.refused("GET", path, **ours))[0] == 400
    assert len((await client.ok("GET", path, **theirs))["webhooks"]) == 1


def places(webhook: str, delivery: str) -> list[tuple[str, str, Any]]:
    path = f"{WEBHOOKS}/{webhook}"
    return [
        ("GET", path, None),
        ("PATCH", path, {"ordered": True}),
        ("DELETE", path, None),
        ("POST", f"{path}/secret/rotate", {}),
        ("POST", f"{path}/enable", None),
        ("POST", f"{path}/disable", None),
        ("POST", f"{path}/test", None),
        ("POST", f"{path}/replay", {"upto": 1}),
        ("GET", f"{path}/deliveries", None),
        ("GET", f"{path}/deliveries/{delivery}", None),
        ("POST", f"{path}/deliveries/{delivery}/redeliver", None),
    ]


async def test_a_webhook_of_another_tenant_is_answered_like_one_that_there_is_not(client: WebhooksClient) -> None:
    theirs = (await client.created(headers={"Authorization": await client.tenant("theirs")}))["id"]
    before = await position(client)
    for foreign, unknown in zip(places(theirs, NO_DELIVERY), places(NOBODY, NO_DELIVERY), strict=True):
        answers = [await client.refused(*place) for place in (foreign, unknown)]
        assert answers[0][0] == 404, foreign
        assert answers[0][:3] == answers[1][:3]
        assert answers[0][3].replace(theirs, "") == answers[1][3].replace(NOBODY, "")
    assert await position(client) == before
    assert theirs not in str(await client.ok("GET", f"{WEBHOOKS}?limit=100"))


@pytest.mark.parametrize("role", ["viewer", "auditor", "worker", "operator"])
async def test_below_admin_nobody_sees_webhooks(client: WebhooksClient, role: str) -> None:
    key = await client.key(role)
    webhook = (await client.created())["id"]
    lists = [("GET", WEBHOOKS, None), ("POST", WEBHOOKS, {"url": URL})]
    for place in [*lists, *places(webhook, NO_DELIVERY)]:
        assert (await client.refused(*place, Authorization=key))[:2] == (403, "FORBIDDEN"), place
    assert (await client.shown(webhook))["enabled"]


@pytest.mark.parametrize(
    "no_delivery",
    [
        "x",
        "msg_",
        NO_DELIVERY,
        "msg_{ulid}-0",
        "msg_{ulid}-01",
        "msg_{ulid}--1",
        "msg_{ulid}-9223372036854775807",
        "msg_{ulid}-9999999999999999999",
        "msg_{ulid}-1%00",
        "MSG_{ulid}-1",
    ],
)
async def test_what_is_no_delivery_of_a_webhook_is_unknown(client: WebhooksClient, no_delivery: str) -> None:
    webhook = (await client.created(types=["rule.*"]))["id"]
    path = f"{WEBHOOKS}/{webhook}/deliveries/{no_delivery.format(ulid=webhook.removeprefix('whk_'))}"
    for method, place in (("GET", path), ("POST", f"{path}/redeliver")):
        assert (await client.refused(method, place))[:3] == (404, "NOT_FOUND", "failed to find delivery")


async def test_another_media_type_is_not_read(client: WebhooksClient) -> None:
    told = await client.refused("POST", WEBHOOKS, b"url=x", content_type="application/x-www-form-urlencoded")
    assert told[:2] == (415, "HTTP_MEDIA_TYPE")
