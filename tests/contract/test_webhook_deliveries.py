"""Deliveries over HTTP: what has become of each event, and having it sent once more, to a receiver that is there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import jsonschema_rs
import pytest
from standardwebhooks import Webhook

from tests.contract.telling import WEBHOOKS, WebhooksClient, webhooks_client
from tests.integration.delivering import Received, Receiver, receiving

#: Seconds that something may take on a machine with better things to do.
PATIENCE = 60


@pytest.fixture(scope="module")
async def client(shared_database: str) -> AsyncIterator[WebhooksClient]:
    async with webhooks_client(shared_database, webhook_private_targets=("127.0.0.1",)) as opened:
        yield opened


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as listening:
        yield listening


async def settled(client: WebhooksClient, webhook: str, number: int, state: str = "delivered") -> list[Any]:
    """Wait until a webhook has so many deliveries in a state; return them, the newest first."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await client.ok("GET", f"{WEBHOOKS}/{webhook}/deliveries?state={state}")
            if len(found["deliveries"]) >= number:
                deliveries: list[Any] = found["deliveries"]
                return deliveries
            await asyncio.sleep(0.05)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110  (requests come in by themselves)
            await asyncio.sleep(0.05)


async def disabled(client: WebhooksClient, webhook: str) -> Any:
    """Return a webhook once it is disabled."""
    async with asyncio.timeout(PATIENCE):
        while True:
            shown = await client.shown(webhook)
            if not shown["enabled"]:
                return shown
            await asyncio.sleep(0.05)


async def asked(client: WebhooksClient, path: str, body: Any = None) -> Any:
    answer = await client.call("POST", path, body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def assert_is_as_documented(client: WebhooksClient, received: Received) -> None:
    document = (await client.http.get("/asyncapi.json")).json()
    message = document["components"]["messages"][f"delivered.{received.event['type']}"]
    for part, value in (("payload", received.event), ("headers", received.headers)):
        schema = {**message[part], "components": document["components"]}
        jsonschema_rs.Draft202012Validator(schema).validate(value)
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.Draft202012Validator({**message["headers"]}).validate({})


async def test_a_test_arrives_and_the_reference_library_verifies_it(client: WebhooksClient, receiver: Receiver) -> None:
    made = await client.created(receiver.url, types=["rule.*"])
    delivery = (await asked(client, f"{WEBHOOKS}/{made['id']}/test"))["delivery"]
    (told,) = await settled(client, made["id"], 1)
    (received,) = receiver.received
    assert Webhook(made["secret"]).verify(received.body, received.headers) == received.event
    assert received.id == delivery == told["id"]
    await assert_is_as_documented(client, received)
    assert received.event["type"] == told["type"] == "webhook.tested.v1"
    assert (told["sequence"], received.event["webhooksequence"], received.event["id"]) == (1, 1, str(told["position"]))
    assert (told["attempts"], told["lastOutcome"], told["lastStatus"], told["nextAttemptAt"]) == (
        1,
        "delivered",
        204,
        None,
    )
    shown = await client.ok("GET", f"{WEBHOOKS}/{made['id']}/deliveries/{delivery}")
    assert shown["delivery"] == told
    (attempt,) = shown["attempts"]
    assert (attempt["number"], attempt["outcome"], attempt["status"], attempt["url"]) == (
        1,
        "delivered",
        204,
        receiver.url,
    )


async def test_an_event_is_delivered_once_more_under_the_same_id_with_the_same_bytes(
    client: WebhooksClient, receiver: Receiver
) -> None:
    made = await client.created(receiver.url, types=["rule.*"])
    path = f"{WEBHOOKS}/{made['id']}"
    delivery = (await asked(client, f"{path}/test"))["delivery"]
    await settled(client, made["id"], 1)
    secret = (await client.ok("POST", f"{path}/secret/rotate", {}))["secret"]
    assert await asked(client, f"{path}/deliveries/{delivery}/redeliver") == {"delivery": delivery}
    await until(lambda: len(receiver.received) == 2)
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    for either in (made["secret"], secret):
        Webhook(either).verify(second.body, second.headers)


async def test_deliveries_are_listed_in_pages_the_newest_first(client: WebhooksClient, receiver: Receiver) -> None:
    made = await client.created(receiver.url, types=["rule.*"])
    path = f"{WEBHOOKS}/{made['id']}"
    tests = [(await asked(client, f"{path}/test"))["delivery"] for _ in range(5)]
    await settled(client, made["id"], 5)
    first = await client.ok("GET", f"{path}/deliveries?limit=3")
    then = await client.ok("GET", f"{path}/deliveries?limit=3&before={first['next']}")
    assert [row["id"] for row in [*first["deliveries"], *then["deliveries"]]] == tests[::-1]
    assert then["next"] is None
    assert first["scheduledUpto"] >= first["deliveries"][0]["position"]
    assert (await client.ok("GET", f"{path}/deliveries?state=failed"))["deliveries"] == []


async def test_a_replay_delivers_what_happened_before(client: WebhooksClient, receiver: Receiver) -> None:
    made = await client.created("https://receiver.example/")
    before = int((await client.call("GET", WEBHOOKS)).headers["annals-position"])
    for description in ("one", "two"):
        await client.ok("PATCH", f"{WEBHOOKS}/{made['id']}", {"description": description})
    upto = int((await client.call("GET", WEBHOOKS)).headers["annals-position"])
    late = await client.created(receiver.url, types=["webhook.changed.v1"])
    path = f"{WEBHOOKS}/{late['id']}"
    assert await asked(client, f"{path}/replay", {"after": before, "upto": upto}) == {"after": before, "upto": upto}
    await settled(client, late["id"], 2)
    told = [received.event["data"] for received in receiver.received]
    assert sorted(data["description"] for data in told) == ["one", "two"]


async def test_a_receiver_that_has_gone_is_told_as_disabled(client: WebhooksClient, receiver: Receiver) -> None:
    made = await client.created(receiver.url, types=["rule.*"])
    receiver.says(410)
    delivery = (await asked(client, f"{WEBHOOKS}/{made['id']}/test"))["delivery"]
    assert (await disabled(client, made["id"]))["disabledReason"] == "gone"
    told = await client.refused("POST", f"{WEBHOOKS}/{made['id']}/deliveries/{delivery}/redeliver")
    assert told[:3] == (409, "CONFLICT", "failed to send to webhook")
