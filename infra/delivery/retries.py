"""When a delivery that was not taken is tried again (https://www.standardwebhooks.com)."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: What a receiver that was down gets at once when it is back is spread by this part, up and down.
JITTER = 0.1

#: Seconds that a receiver can put an attempt off for.
LONGEST_WAIT = 86_400.0


def wait(retries: Sequence[float], tries: int, retry_after: float, chance: Callable[[], float]) -> float | None:
    """Return the seconds from an attempt, the last of ``tries``, to the next; None where that was the last of all.

    ``retry_after`` is what the receiver asks for, ``chance`` is from 0 to 1.
    """
    if tries > len(retries):
        return None
    jitter = 1 + JITTER * (2 * chance() - 1)
    return max(retries[tries - 1] * jitter, min(retry_after, LONGEST_WAIT))


def retry_after(header: str | None, now: datetime) -> float:
    """Return the seconds that a header of that name asks for (RFC 9110, 10.2.3); 0 for none, and for nonsense."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        at = parsedate_to_datetime(text)
        return max((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return 0.0
