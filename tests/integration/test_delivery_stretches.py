"""How much of the log is written down for webhooks together: a transaction that takes long costs the lease."""

import pytest

from infra.delivery.stretches import Stretch, Stretches
from infra.delivery.subscriptions import Subscriptions
from tests.integration.delivering import Stage, delivering

BYTES = 4_000
WEBHOOKS = 20


async def bytes_of(stage: Stage, stretch: Stretch) -> list[int]:
    """Return the bytes that each event of a stretch is written down with, for all who are told of it."""
    sizes = "select notification_id, octet_length(state) from log.events where notification_id = any ($1)"
    rows = await stage.database.fetch(sizes, [one.entry.position for one in stretch.told])
    found = {row["notification_id"]: row["octet_length"] for row in rows}
    return [found[one.entry.position] * len(one.webhooks) for one in stretch.told]


async def test_what_many_webhooks_are_told_of_is_bounded_by_what_is_written_for_all_of_them(
    shared_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.delivery.stretches.MOST_BYTES", BYTES)
    async with delivering(shared_database, roles=("followers",)) as stage:
        for number in range(WEBHOOKS):
            await stage.webhook(f"https://{number}.example.com/", types=("process.deployed.v1",))
        positions = [position for _ in range(5) for position in await stage.happens()]
        known, stretches, head = Subscriptions(), Stretches(stage.database), await stage.node.log.head()
        told: list[int] = []
        after = 0
        while after < head:
            stretch = await stretches.read(known, after, head, 0)
            for fact in stretch.facts:
                known.fold(fact)
            assert sum((await bytes_of(stage, stretch))[:-1]) < BYTES
            told += [one.entry.position for one in stretch.told if len(one.webhooks) == WEBHOOKS]
            assert stretch.upto > after
            after = stretch.upto
    assert told == positions
