"""Webhooks are listed as their facts tell, and without their secrets."""

from collections.abc import Sequence

import pytest

from domain.event import Recorded
from domain.identity import webhook_of
from domain.webhooks import webhook
from domain.webhooks.events import WebhookSecretRotated
from domain.webhooks.webhook import Webhook
from projections.webhooks.projector import READ_MODEL
from projections.webhooks.queries import ListedWebhook, find_webhook, list_webhooks
from tests.integration.projection_runs import TENANTS
from tests.integration.projection_tables import batches, contents, empty_tables, fill
from tests.integration.projection_webhooks import WebhookHistory

SEEDS = (1, 2, 3)

#: Those that ask nothing about a webhook's row.
UNTOLD = ("webhook.tested.v1", "webhook.redelivery_requested.v1", "webhook.replay_requested.v1")


def folded(facts: Sequence[Recorded]) -> dict[str, tuple[Webhook, list[Recorded]]]:
    """Return webhooks as commands see them, with what has changed them."""
    found: dict[str, tuple[Webhook, list[Recorded]]] = {}
    for fact in facts:
        ulid = webhook_of(fact.stream)
        known, past = found.get(ulid, (None, []))
        state = webhook.evolve(known, fact.event, fact.happened_at, "", fact.tenant)  # type: ignore[arg-type]  # they all are
        assert state is not None
        told = [] if fact.event.topic in UNTOLD else [fact]
        found[ulid] = (state, [*past, *told])
    return {ulid: (state, past) for ulid, (state, past) in found.items() if not state.deleted}


def expected(ulid: str, state: Webhook, past: Sequence[Recorded]) -> ListedWebhook:
    first, last = past[0], past[-1]
    rotations = [fact.happened_at for fact in past if isinstance(fact.event, WebhookSecretRotated)]
    switches = [fact.happened_at for fact in past if fact.event.topic == "webhook.disabled.v1"]
    return ListedWebhook(
        webhook=ulid,
        tenant=state.tenant,
        url=state.url,
        description=state.description,
        types=list(state.types),
        process_key=state.process_key,
        ordered=state.ordered,
        disabled=state.disabled,
        disabled_at=switches[-1] if state.disabled else None,
        created_at=first.happened_at,
        created_by=first.actor.id,
        updated_at=last.happened_at,
        updated_by=last.actor.id,
        rotated_at=rotations[-1] if rotations else None,
    )


@pytest.mark.parametrize("seed", SEEDS)
async def test_webhooks_are_listed_as_their_facts_tell(database: str, seed: int) -> None:
    facts = WebhookHistory(seed, 400, TENANTS).facts
    told = {ulid: expected(ulid, *found) for ulid, found in folded(facts).items()}
    async with empty_tables(database, [READ_MODEL]) as connection:
        await fill(connection, batches(facts, 40, seed), [READ_MODEL])
        listed = {tenant: await list_webhooks(connection, tenant, "", 1000) for tenant in TENANTS}
        for ulid, one in told.items():
            assert await find_webhook(connection, one.tenant, ulid) == one
            for other in set(TENANTS) - {one.tenant}:
                assert await find_webhook(connection, other, ulid) is None
    assert len(told) > 20
    assert listed == {tenant: [one for _, one in sorted(told.items()) if one.tenant == tenant] for tenant in TENANTS}


async def test_a_list_of_webhooks_goes_on_after_one_of_them(database: str) -> None:
    facts = WebhookHistory(4, 200, TENANTS[:1]).facts
    async with empty_tables(database, [READ_MODEL]) as connection:
        await fill(connection, [facts], [READ_MODEL])
        everything = await list_webhooks(connection, TENANTS[0], "", 1000)
        part = await list_webhooks(connection, TENANTS[0], everything[3].webhook, 5)
    assert part == everything[4:9]


async def test_no_secret_is_kept_with_what_is_listed(database: str) -> None:
    facts = WebhookHistory(5, 200, TENANTS).facts
    async with empty_tables(database, [READ_MODEL]) as connection:
        await fill(connection, [facts], [READ_MODEL])
        kept = await contents(connection, READ_MODEL)
    assert any("sealed" in str(fact.event) for fact in facts)
    assert "sealed" not in str(kept)
