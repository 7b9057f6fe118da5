"""Times as clients see them: RFC 3339, UTC, milliseconds without trailing zeros (contracts/engine.md 1.1)."""

from datetime import datetime


def rfc3339(moment: datetime) -> str:
    """Render ``2026-11-23T09:15:10.71Z``; the moment is in UTC and is cut, not rounded, to milliseconds."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    milliseconds = moment.microsecond // 1000
    return f"{text}.{milliseconds:03d}".rstrip("0") + "Z" if milliseconds else text + "Z"
