"""What a list of incidents is asked for: filters, order and page (contracts/incidents.md 3.1, 0.6)."""

from datetime import timedelta
from typing import Any, NamedTuple

from api.incidents.ids import CHECK_IDS
from api.incidents.parameters import Parameters
from api.uptime.envelope import Window, window
from domain.incidents.dialects import UPTIME
from domain.timestamps import EPOCH, LATEST_MS
from projections.incident_list.queries import Filter

SORTS = ("created_at", "updated_at", "started_at", "severity", "status")
ORDERS = ("desc", "asc")


class Listing(NamedTuple):
    """A list of incidents to be had; ``sort`` is one of ``SORTS``."""

    filter: Filter
    sort: Any
    descending: bool
    window: Window


def listing(parameters: Parameters) -> Listing:
    """Read the parameters; a word stands for every status or rank that is shown as it."""
    status = parameters.word("status", UPTIME.words)
    severity = parameters.word("severity", UPTIME.ranks)
    since = parameters.number("since", -1, 0, LATEST_MS)
    wanted = Filter(
        statuses=UPTIME.shown_as(status) if status else (),
        ranks=UPTIME.ranks_shown_as(severity) if severity else (),
        check_id=_check(parameters.text("check_id")),
        updated_after=EPOCH + timedelta(milliseconds=since) if since >= 0 else None,
    )
    sort = parameters.word("sort_by", SORTS) or SORTS[0]
    return Listing(wanted, sort, parameters.word("sort_order", ORDERS) != "asc", window(parameters))


def _check(check_id: str | None) -> str | None:
    """Return the ULID of a check; what is no id of one finds nothing, as an unknown one does."""
    return None if check_id is None else CHECK_IDS.ulid(check_id) or ""
