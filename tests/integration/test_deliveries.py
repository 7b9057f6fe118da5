"""What webhooks are told: their tenant's events that they want, signed, numbered, from their beginning to their end."""

from collections.abc import AsyncIterator

import pytest
from standardwebhooks import WebhookVerificationError

from commands.access import RegisterTenant
from commands.webhooks import (
    ChangeWebhook,
    DeleteWebhook,
    DisableWebhook,
    EnableWebhook,
    RedeliverEvent,
    ReplayEvents,
    RotateWebhookSecret,
    SecretToRotate,
    TestWebhook,
)
from infra.delivery.secrets import WebhookSecrets
from tests.integration.delivering import SECRET, Receiver, Stage, delivering, receiving, until

OTHER_SECRET = "whsec_" + "QUJD" * 11


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often for what is due again."""
    monkeypatch.setattr("infra.delivery.deliveries.LOOK_EVERY", 0.05)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def stage(shared_database: str) -> AsyncIterator[Stage]:
    async with delivering(shared_database) as stage:
        yield stage


async def test_what_happens_behind_its_creation_is_delivered_once_signed_and_numbered(
    stage: Stage, receiver: Receiver
) -> None:
    await stage.happens()
    webhook = await stage.webhook(receiver.url + "hook?of=mine")
    positions = await stage.happens(3)
    records = await stage.settled(webhook, len(positions))
    assert [record.position for record in records] == positions
    assert [record.sequence for record in records] == list(range(1, len(positions) + 1))
    assert sorted(receiver.positions) == positions
    for request in receiver.received:
        request.verify()
        event = request.event
        assert (request.path, request.id) == ("/hook", f"msg_{webhook}-{event['id']}")
        assert request.headers["content-type"] == "application/cloudevents+json"
        assert request.headers["user-agent"].startswith("annals/")
        assert event["webhooksequence"] == positions.index(int(event["id"])) + 1
        assert event["specversion"] == "1.0"
        assert event["source"] == (await stage.node.feed.source()).at(int(event["id"]))
        assert "dataschema" not in event
    record, (attempt,) = await stage.delivery(webhook, positions[0])
    assert (record.attempts, record.last_outcome, record.last_status) == (1, "delivered", 204)
    assert (attempt.number, attempt.outcome, attempt.url) == (1, "delivered", receiver.url + "hook?of=mine")


async def test_only_types_and_processes_that_are_asked_for_are_delivered(stage: Stage, receiver: Receiver) -> None:
    exact = await stage.webhook(receiver.url + "exact", types=("process.deployed.v1",))
    begins = await stage.webhook(receiver.url + "begins", types=("process_instance.*",))
    process = await stage.webhook(receiver.url + "process", process_key="wanted")
    nothing = await stage.webhook(receiver.url + "nothing", process_key="no such process")
    wanted = await stage.happens(2, process="wanted")
    other = await stage.happens(2)
    await stage.told()
    events = {position: await stage.node.log.read_all(position - 1, 1) for position in wanted + other}
    topics = {position: type(fact.event).topic for position, (fact,) in events.items()}

    async def told(webhook: str) -> list[int]:
        return [record.position for record in await stage.deliveries(webhook)]

    assert await told(exact) == [position for position in topics if topics[position] == "process.deployed.v1"]
    assert await told(begins) == [position for position in topics if topics[position].startswith("process_instance.")]
    assert await told(process) == wanted
    assert await told(nothing) == []


async def test_a_tenant_is_told_of_nothing_of_another(stage: Stage, receiver: Receiver) -> None:
    await stage.send(RegisterTenant("acme", "Acme", "free"), "acme")
    ours = await stage.webhook(receiver.url + "ours")
    theirs = await stage.webhook(receiver.url + "theirs", tenant="acme")
    here, there = await stage.happens(), await stage.happens(tenant="acme")
    await stage.settled(theirs, len(there))
    await stage.settled(ours, len(here))
    assert [record.position for record in await stage.deliveries(theirs)] == there
    assert not {record.position for record in await stage.deliveries(ours)} & set(there)


async def test_a_test_is_delivered_whatever_the_filters_say(stage: Stage, receiver: Receiver) -> None:
    webhook = await stage.webhook(receiver.url, types=("incident.*",), process_key="none")
    position = (await stage.send(TestWebhook(), webhook)).position
    (record,) = await stage.settled(webhook, 1)
    assert (record.position, record.type) == (position, "webhook.tested.v1")
    (request,) = receiver.received
    assert request.id == f"msg_{webhook}-{position}"


async def test_what_happens_while_it_is_disabled_is_not_delivered_and_what_waited_is_when_it_is_enabled(
    stage: Stage, receiver: Receiver
) -> None:
    receiver.says(500)
    webhook = await stage.webhook(receiver.url, types=("process.deployed.v1",))
    (waiting,) = await stage.happens()
    await until(lambda: _came(receiver, 1))
    await stage.send(DisableWebhook(), webhook)
    await stage.told()
    await stage.happens()
    await stage.told()
    receiver.says(204)
    (before,) = await stage.deliveries(webhook)
    assert (before.position, before.state) == (waiting, "pending")
    await stage.send(EnableWebhook(), webhook)
    (later,) = await stage.happens()
    records = await stage.settled(webhook, 2)
    assert [record.position for record in records] == [waiting, later]


async def _came(receiver: Receiver, count: int) -> bool:
    return len(receiver.received) >= count


async def test_a_deleted_webhook_gets_nothing_more(stage: Stage, receiver: Receiver) -> None:
    webhook = await stage.webhook(receiver.url)
    await stage.send(DeleteWebhook(), webhook)
    await stage.happens()
    await stage.told()
    assert await stage.deliveries(webhook) == []
    assert receiver.received == []


async def test_what_waits_goes_to_the_url_of_the_moment(stage: Stage, receiver: Receiver) -> None:
    receiver.says(500)
    webhook = await stage.webhook(receiver.url + "old", types=("process.deployed.v1",))
    (position,) = await stage.happens()
    await until(lambda: _came(receiver, 1))
    receiver.says(204)
    await stage.send(ChangeWebhook(url=receiver.url + "new"), webhook)
    await stage.told()
    await stage.settled(webhook, 1)
    record, attempts = await stage.delivery(webhook, position)
    assert record.attempts == len(attempts) == len(receiver.received)
    assert attempts[0].url == receiver.url + "old"


async def test_a_failure_is_tried_again_with_the_same_id_and_bytes_and_a_signature_of_its_own(
    stage: Stage, receiver: Receiver
) -> None:
    receiver.says(500, 302, 404, 204)
    webhook = await stage.webhook(receiver.url, types=("process.deployed.v1",))
    (position,) = await stage.happens()
    await stage.settled(webhook, 1)
    record, attempts = await stage.delivery(webhook, position)
    assert [(one.number, one.outcome, one.status) for one in attempts] == [
        (1, "status", 500),
        (2, "status", 302),
        (3, "status", 404),
        (4, "delivered", 204),
    ]
    assert (record.attempts, record.next_attempt_at) == (4, None)
    assert len({(request.id, request.body) for request in receiver.received}) == 1
    for request in receiver.received:
        request.verify()


async def test_after_the_last_attempt_it_has_failed_until_it_is_asked_for(stage: Stage, receiver: Receiver) -> None:
    receiver.says(*[500] * 9, 204)
    webhook = await stage.webhook(receiver.url, types=("process.deployed.v1",))
    (position,) = await stage.happens()
    (record,) = await stage.settled(webhook, 1, ("failed",))
    assert (record.attempts, record.next_attempt_at, record.last_status) == (9, None, 500)
    await stage.send(RedeliverEvent(position), webhook)
    (record,) = await stage.settled(webhook, 1)
    assert (record.attempts, record.sequence) == (10, 1)
    assert len({(request.id, request.body) for request in receiver.received}) == 1


async def test_a_redelivery_of_what_was_never_scheduled_delivers_it_but_only_of_the_own_tenant(
    stage: Stage, receiver: Receiver
) -> None:
    (before,) = await stage.happens()
    webhook = await stage.webhook(receiver.url, types=("incident.*",))
    await stage.send(RegisterTenant("other", "Other", "free"), "other")
    (foreign,) = await stage.happens(tenant="other")
    for position in (foreign, 10_000_000, before):
        await stage.send(RedeliverEvent(position), webhook)
    (record,) = await stage.settled(webhook, 1)
    await stage.told()
    assert [one.position for one in await stage.deliveries(webhook)] == [before] == [record.position]
    (request,) = receiver.received
    assert request.id == f"msg_{webhook}-{before}"


async def test_a_replay_delivers_what_is_wanted_of_a_stretch_the_same_bytes_for_what_was_delivered_before(
    stage: Stage, receiver: Receiver
) -> None:
    (early,) = await stage.happens()
    webhook = await stage.webhook(receiver.url, types=("process.deployed.v1",))
    (late,) = await stage.happens()
    await stage.settled(webhook, 1)
    await stage.happens()
    await stage.settled(webhook, 2)
    await stage.send(ReplayEvents(early - 1, late), webhook)
    await until(lambda: _came(receiver, 4))
    records = await stage.settled(webhook, 3)
    sequences = {record.position: record.sequence for record in records}
    assert (sequences[late], sequences[early]) == (1, 3)
    again = [request for request in receiver.received if request.event["id"] == str(late)]
    assert len(again) == 2
    assert len({(request.id, request.body) for request in again}) == 1
    assert not await stage.database.fetch("table delivery.replays")


async def test_both_secrets_sign_while_they_overlap(stage: Stage, receiver: Receiver) -> None:
    webhook = await stage.webhook(receiver.url, types=("process.deployed.v1",))
    secrets = WebhookSecrets(stage.node.secret_key)
    rotation = SecretToRotate(webhook, secrets.mint("default", webhook, OTHER_SECRET))
    await stage.send(RotateWebhookSecret(secret=OTHER_SECRET, overlap_seconds=3600), rotation)
    await stage.happens()
    await stage.settled(webhook, 1)
    (request,) = receiver.received
    request.verify(SECRET, OTHER_SECRET)
    assert len(request.headers["webhook-signature"].split()) == 2
    again = SecretToRotate(webhook, secrets.mint("default", webhook, SECRET))
    await stage.send(RotateWebhookSecret(secret=SECRET, overlap_seconds=0), again)
    await stage.happens()
    await stage.settled(webhook, 2)
    receiver.received[1].verify(SECRET)


@pytest.mark.parametrize("mutation", ["id", "timestamp", "body", "whitespace", "secret"])
async def test_whoever_changes_anything_of_it_is_found_out(stage: Stage, receiver: Receiver, mutation: str) -> None:
    webhook = await stage.webhook(receiver.url, types=("process.deployed.v1",))
    await stage.happens()
    await stage.settled(webhook, 1)
    (request,) = receiver.received
    request.verify()
    headers, body, secret = dict(request.headers), request.body, SECRET
    match mutation:
        case "id":
            headers["webhook-id"] += "0"
        case "timestamp":
            headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
        case "body":
            body = body.replace(b'"1.0"', b'"1.1"')
        case "whitespace":
            body += b" "
        case _:
            secret = OTHER_SECRET
    with pytest.raises(WebhookVerificationError):
        request._replace(headers=headers, body=body).verify(secret)
