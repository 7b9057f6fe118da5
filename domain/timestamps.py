"""Times as clients give and see them. All that are kept are in UTC, cut to milliseconds."""

from datetime import UTC, datetime

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: The last millisecond of the year 9999, counted from 1970: no later moment can be told.
LATEST_MS = 253_402_300_799_999

_encode = msgspec.json.Encoder().encode


def in_utc(moment: datetime) -> datetime:
    """Return a moment as it is kept: in UTC, where it is taken to be without a zone, and cut to milliseconds.

    Raise ``OverflowError`` for one that UTC has in no year from 1 to 9999.
    """
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def rfc3339(moment: datetime) -> str:
    """Render ``2026-11-23T09:15:10.71Z``, without trailing zeros (contracts/engine.md 1.1).

    The moment is in UTC and is cut, not rounded, to milliseconds. Every answer has several of them:
    msgspec writes one five times faster than ``isoformat``.
    """
    quoted = _encode(moment)
    if moment.microsecond < 1000:
        return quoted[1:20].decode() + "Z"
    return quoted[1:24].decode().rstrip("0") + "Z"


def iso_milliseconds(moment: datetime) -> str:
    """Render ``2026-11-23T09:15:10.710Z``, always with three digits (contracts/incidents.md 5.2).

    The moment is in UTC and is cut, not rounded, to milliseconds.
    """
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
