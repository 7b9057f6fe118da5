"""Ids of webhooks and deliveries as clients see them: ``whk_<ULID>`` and ``msg_<the webhook's ULID>-<position>``."""

import re

from api.incidents.ids import Ids
from domain.identity import INT64_MAX
from domain.rejection import NotFound
from infra.delivery.messages import delivery_id

WEBHOOK_IDS = Ids("webhook", "whk_")

_DELIVERY = re.compile(r"msg_(?P<webhook>[0-9A-Z]{26})-(?P<position>[1-9][0-9]{0,18})")


def delivery_in_path(given: str, webhook: str) -> int:
    """Return the position in the id of a delivery to a webhook; raise ``NotFound`` for what is no such id."""
    found = _DELIVERY.fullmatch(given)
    if found is None or found["webhook"] != webhook or int(found["position"]) > INT64_MAX:
        raise _unknown(given)
    return int(found["position"])


def webhook_of_delivery(given: str) -> str | None:
    """Return the webhook's ULID in the id of a delivery, None where it is none."""
    found = _DELIVERY.fullmatch(given)
    return None if found is None else found["webhook"]


def no_delivery(webhook: str, position: int) -> NotFound:
    """Return the refusal of a delivery that there is not."""
    return _unknown(delivery_id(webhook, position))


def _unknown(given: str) -> NotFound:
    return NotFound("failed to find delivery", f"delivery {given[:100]} could not be found")
