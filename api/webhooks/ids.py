"""Ids of webhooks and deliveries as clients see them: ``whk_<ULID>`` and ``msg_<the webhook's ULID>-<position>``.

Where the log has lost facts, what comes after has the id of its era behind: ``-<16 hexadecimal digits>``.
"""

import re

from api.incidents.ids import Ids
from commands.webhooks import SEND
from domain.identity import INT64_MAX
from domain.rejection import Cause, InvalidInput, InvalidState, NotFound

WEBHOOK_IDS = Ids("webhook", "whk_")

_DELIVERY = re.compile(r"msg_(?P<webhook>[0-9A-Z]{26})-(?P<position>[1-9][0-9]{0,18})(?:-(?P<era>[0-9a-f]{16}))?")


def delivery_in_path(given: str, webhook: str) -> tuple[int, str]:
    """Return position and era in the id of a delivery to a webhook; raise ``NotFound`` for what is no such id."""
    found = _DELIVERY.fullmatch(given)
    if found is None or found["webhook"] != webhook or int(found["position"]) > INT64_MAX:
        raise no_delivery(given)
    return int(found["position"]), found["era"] or ""


def webhook_of_delivery(given: str) -> str | None:
    """Return the webhook's ULID in the id of a delivery, None where it is none."""
    found = _DELIVERY.fullmatch(given)
    return None if found is None else found["webhook"]


def no_delivery(given: str) -> NotFound:
    """Return the refusal of a delivery that there is not."""
    return NotFound("failed to find delivery", f"delivery {given[:100]} could not be found")


def no_event(given: str) -> InvalidState:
    """Return the refusal to send what the log has lost."""
    return InvalidState("failed to deliver again", f"the event of delivery {given} is not in the log any more")


def not_yet(upto: int) -> InvalidInput:
    """Return the refusal to replay what is still to come."""
    reason = "must not be greater than the position of the last event"
    return InvalidInput(SEND, "fields are invalid", [Cause("#/upto", "max", reason, str(upto))])
