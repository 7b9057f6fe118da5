"""The one type that bodies may be of; each API reads them in its own way."""

from api.refusals import UnsupportedMediaType

JSON = "application/json"


def require_json(content_type: str) -> None:
    """Raise ``UnsupportedMediaType`` for another type than JSON.

    Parameters of the type are passed over, and none at all is as good as JSON (contracts/engine.md 1.1).
    """
    media_type = content_type.partition(";")[0].strip()
    if content_type and media_type.lower() != JSON:
        raise UnsupportedMediaType(media_type)
