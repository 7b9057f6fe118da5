"""Times as clients see them: RFC 3339, UTC, milliseconds without trailing zeros (contracts/engine.md 1.1)."""

from datetime import datetime


def rfc3339(moment: datetime) -> str:
    """Render ``2026-11-23T09:15:10.71Z``; the moment is in UTC and is cut, not rounded, to milliseconds."""
    text = moment.isoformat(timespec="milliseconds")[:23]
    return (text.rstrip("0").rstrip(".") if text[-1] == "0" else text) + "Z"
