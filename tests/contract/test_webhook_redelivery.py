"""Asking for deliveries over HTTP: of what the log has lost, by ids that there are not, and by many at once."""

import asyncio
import random
from collections.abc import AsyncIterator
from itertools import chain
from typing import Any

import pytest
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from tests.contract.telling import WEBHOOKS, WebhooksClient, webhooks_client
from tests.contract.test_webhook_deliveries import asked, disabled, settled, until
from tests.integration.delivering import Receiver, executed, receiving
from tests.integration.test_continuity import SET_BACK
from tests.integration.test_deliveries_rewound import ERA, SECOND, THIRD

PRIVATE = ("127.0.0.1",)

#: Requests that are made at once, and how often.
AT_ONCE = 64
ROUNDS = 3


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as listening:
        yield listening


class Asking:
    """Asks things of one webhook, which wants nothing but its tests."""

    def __init__(self, client: WebhooksClient, made: Any) -> None:
        self.client = client
        self.id: str = made["id"]
        self.secret: str = made["secret"]
        self.path = f"{WEBHOOKS}/{self.id}"

    async def tests(self, number: int) -> list[str]:
        """Have tests delivered; return the ids of the deliveries, the oldest first."""
        return [(await asked(self.client, f"{self.path}/test"))["delivery"] for _ in range(number)]

    async def refused(self, delivery: str) -> tuple[int, str]:
        """Ask for a delivery that cannot be made once more; return status and title."""
        told = await self.client.refused("POST", f"{self.path}/deliveries/{delivery}/redeliver")
        return told[0], told[2]


async def asking(client: WebhooksClient, receiver: Receiver, **members: Any) -> Asking:
    return Asking(client, await client.created(receiver.url, **{"types": ["rule.*"], **members}))


def position_in(delivery: str) -> int:
    return int(delivery.split("-")[1])


def came(receiver: Receiver) -> list[str]:
    return [request.id for request in receiver.received]


async def rewound(database: str, receiver: Receiver) -> tuple[Asking, str, list[str]]:
    """Have tests delivered, and all but the first be lost; return who asks, what is kept and what is lost."""
    async with webhooks_client(database, webhook_private_targets=PRIVATE) as client:
        ours = await asking(client, receiver, types=["webhook.tested.v1"])
        kept, *lost = await ours.tests(3)
        await settled(client, ours.id, 3)
        receiver.says(503)
        lost += await ours.tests(1)
        await settled(client, ours.id, 1, "pending")
    await executed(database, SET_BACK.format(position_in(kept)))
    await executed(database, ERA, SECOND)
    receiver.says(204)
    receiver.received.clear()
    return ours, kept, lost


async def test_what_the_log_has_lost_is_not_delivered_again_and_no_other_era_is_made_up(
    database: str, receiver: Receiver
) -> None:
    ours, kept, lost = await rewound(database, receiver)
    async with webhooks_client(database, webhook_private_targets=PRIVATE) as client:
        ours.client = client
        new = await ours.tests(3)
        assert [position_in(delivery) for delivery in new] == [position_in(delivery) for delivery in lost]
        await settled(client, ours.id, 6)
        for delivery in lost:
            assert await ours.refused(delivery) == (409, "failed to deliver again")
            await client.ok("GET", f"{ours.path}/deliveries/{delivery}")
        (gone,) = (await client.ok("GET", f"{ours.path}/deliveries?state=lost"))["deliveries"]
        assert (gone["id"], gone["nextAttemptAt"]) == (lost[-1], None)
        forged = [f"{kept}-{SECOND}", f"{lost[0]}-{THIRD}", f"{kept}-", f"{kept}-{'0' * 16}", new[0][:-1], f"{new[0]}0"]
        for delivery in [*forged, new[0].replace(SECOND, SECOND.upper()), new[0].replace("msg_", "whk_")]:
            assert await ours.refused(delivery) == (404, "failed to find delivery"), delivery
        assert sorted(came(receiver)) == sorted(new)


async def test_a_replay_goes_through_eras_and_delivers_what_the_log_has(database: str, receiver: Receiver) -> None:
    ours, kept, _ = await rewound(database, receiver)
    async with webhooks_client(database, webhook_private_targets=PRIVATE) as client:
        ours.client = client
        new = await ours.tests(3)
        await settled(client, ours.id, 6)
        await asked(client, f"{ours.path}/replay", {"after": position_in(kept) - 1, "upto": position_in(new[-1])})
        await until(lambda: len(receiver.received) >= 7)
    assert sorted(came(receiver)) == sorted([kept, *new, *new])
    assert len({(request.id, request.body) for request in receiver.received}) == 4


async def test_what_the_log_has_lost_is_not_promised_though_nobody_has_noticed_the_loss(
    database: str, receiver: Receiver
) -> None:
    async with webhooks_client(database, webhook_private_targets=PRIVATE) as client:
        ours = await asking(client, receiver)
        kept, lost = await ours.tests(2)
        await settled(client, ours.id, 2)
    await executed(database, SET_BACK.format(position_in(kept)))
    async with webhooks_client(database, roles=("api",)) as client:
        assert await Asking(client, {"id": ours.id, "secret": ""}).refused(lost) == (409, "failed to deliver again")


async def test_an_id_that_belongs_to_another_webhook_or_tenant_is_none(
    shared_database: str, receiver: Receiver
) -> None:
    async with webhooks_client(shared_database, webhook_private_targets=PRIVATE) as client:
        ours, other = await asking(client, receiver), await asking(client, receiver)
        key = {"Authorization": await client.tenant("foreign")}
        theirs = Asking(client, await client.created(receiver.url, key, types=["rule.*"]))
        (foreign,) = [(await client.call("POST", f"{theirs.path}/test", **key)).json()["delivery"]]
        (sister,) = await other.tests(1)
        await until(lambda: {foreign, sister} <= {*came(receiver)})
        for delivery in (foreign, sister):
            assert await ours.refused(delivery) == (404, "failed to find delivery")
            own = delivery.replace(delivery[4:30], ours.id.removeprefix("whk_"))
            assert await ours.refused(own) == (404, "failed to find delivery"), "it was never scheduled"
        assert len(receiver.received) == 2


async def test_a_request_that_is_sent_again_asks_once(shared_database: str, receiver: Receiver) -> None:
    async with webhooks_client(shared_database, webhook_private_targets=PRIVATE) as client:
        ours = await asking(client, receiver)
        first, second = await ours.tests(2)
        await settled(client, ours.id, 2)
        path = f"{ours.path}/deliveries/{first}/redeliver"
        answers = [await client.call("POST", path, **{"Idempotency-Key": "once more"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202] * 3
        assert len({answer.headers["annals-position"] for answer in answers}) == 1
        reused = await client.refused("POST", path.replace(first, second), **{"Idempotency-Key": "once more"})
        assert reused[:3] == (409, "CONFLICT", "idempotency key was used before")
        await until(lambda: len(receiver.received) >= 3)
        (last,) = await ours.tests(1)
        await until(lambda: last in came(receiver))
        assert came(receiver).count(first) == 2


async def test_an_attempt_that_is_put_off_is_made_at_once_when_it_is_asked_for(
    shared_database: str, receiver: Receiver
) -> None:
    receiver.says(503, **{"Retry-After": "3600"})
    async with webhooks_client(shared_database, webhook_private_targets=PRIVATE) as client:
        ours = await asking(client, receiver)
        (delivery,) = await ours.tests(1)
        await until(lambda: len(receiver.received) == 1)
        receiver.says(204)
        await settled(client, ours.id, 1, "pending")
        await asked(client, f"{ours.path}/deliveries/{delivery}/redeliver")
        (told,) = await settled(client, ours.id, 1)
        assert (told["id"], told["attempts"], told["sequence"]) == (delivery, 2, 1)


async def test_in_order_what_failed_for_good_comes_first_when_it_goes_on_and_again_when_it_is_asked_for(
    shared_database: str, receiver: Receiver
) -> None:
    receiver.says(503)
    async with webhooks_client(shared_database, webhook_private_targets=PRIVATE, webhook_retries=()) as client:
        ours = await asking(client, receiver, ordered=True)
        (first,) = await ours.tests(1)
        assert (await disabled(client, ours.id))["disabledReason"] == "failing"
        (failed,) = await settled(client, ours.id, 1, "failed")
        assert failed["id"] == first
        assert await ours.refused(first) == (409, "failed to send to webhook")
        receiver.says(204)
        receiver.received.clear()
        await client.ok("POST", f"{ours.path}/enable")
        more = await ours.tests(2)
        await settled(client, ours.id, 3)
        await asked(client, f"{ours.path}/deliveries/{first}/redeliver")
        await until(lambda: len(receiver.received) >= 4)
        assert came(receiver) == [first, *more, first]


@pytest.mark.parametrize("ordered", [False, True], ids=["side by side", "in order"])
async def test_many_who_ask_for_everything_at_once_lose_nothing_and_learn_no_secret(
    shared_database: str, receiver: Receiver, *, ordered: bool
) -> None:
    chance = random.Random(64)
    async with webhooks_client(shared_database, webhook_private_targets=PRIVATE) as client:
        ours = await asking(client, receiver, ordered=ordered)
        promised = await ours.tests(1)
        await settled(client, ours.id, 1)
        again = f"{ours.path}/deliveries/{promised[0]}/redeliver"
        operations = [
            *(("POST", f"{ours.path}/{word}", None) for word in ("enable", "disable", "test")),
            ("POST", again, None),
            ("POST", f"{ours.path}/replay", {"upto": 1}),
            ("PATCH", ours.path, {"description": "once more"}),
            ("GET", f"{ours.path}/deliveries", None),
        ]
        with capture_logs() as said:
            for _ in range(ROUNDS):
                picked = [chance.choice(operations) for _ in range(AT_ONCE)]
                answers = await asyncio.gather(*(client.call(*operation) for operation in picked))
                assert {answer.status_code for answer in answers} <= {200, 202, 409}
                promised += [
                    answer.json()["delivery"]
                    for answer in answers
                    if answer.status_code == 202 and "delivery" in answer.json()
                ]
            await client.ok("POST", f"{ours.path}/enable")
            await until(lambda: {*promised} <= {*came(receiver)})
            deletions = [("DELETE", ours.path, None)] * 4 + operations * 8
            answers = await asyncio.gather(*(client.call(*operation) for operation in deletions))
        assert {answer.status_code for answer in answers} <= {200, 202, 204, 404, 409}
        assert [answer.status_code for answer in answers[:4]].count(204) == 1
        shown = chain((answer.text for answer in answers), map(str, said))
        assert not [text for text in shown if ours.secret in text or "whsec_" in text or "sealed" in text]
        for request in receiver.received:
            Webhook(ours.secret).verify(request.body, request.headers)
        assert (await client.refused("POST", again))[0] == 404
