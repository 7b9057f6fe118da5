"""Media types: the one that bodies may be of, and the one that an answer is wanted in."""

import re
from collections.abc import Mapping, Sequence

from api.refusals import UnsupportedMediaType

JSON = "application/json"

#: How much a type is wanted, from 0 (not at all) to 1, where that is said.
_QUALITY = re.compile(r";\s*q=([01](?:\.\d{0,3})?)\s*(?:;|$)", re.ASCII | re.IGNORECASE)


def require_json(content_type: str) -> None:
    """Raise ``UnsupportedMediaType`` for another type than JSON.

    Parameters of the type are passed over, and none at all is as good as JSON (contracts/engine.md 1.1).
    """
    media_type = content_type.partition(";")[0].strip()
    if content_type and media_type.lower() != JSON:
        raise UnsupportedMediaType(media_type)


def preferred(accept: str, offered: Sequence[str]) -> str:
    """Return the type that ``Accept`` wants most of some (RFC 9110, 12.5.1).

    Of those that are wanted alike it is the one that is named most exactly, or else first. Who wants none of them gets
    the first one that they do not refuse (``q=0``), and who refuses all the first.
    """
    wishes = {wish.partition(";")[0].strip().lower(): wish for wish in reversed(accept.split(","))}
    places = {media_type: place for place, media_type in enumerate(wishes)}
    return max(offered, key=lambda media_type: _rank(media_type, wishes, places))


def _rank(media_type: str, wishes: Mapping[str, str], places: Mapping[str, int]) -> tuple[float, ...]:
    """Return what is the greater the more a type is wanted; ``places`` is where it stands, from behind."""
    ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    named = next((one for one in ranges if one in wishes), None)
    if named is None:
        return (1,)
    found = _QUALITY.search(wishes[named])
    quality = 1.0 if found is None else float(found[1])
    return (2, quality, -ranges.index(named), places[named]) if quality else (0,)
