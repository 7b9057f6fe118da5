"""Refusing commands whose fields are wrong."""

from domain.rejection import Cause, InvalidInput


def refuse_if_any(title: str, *causes: Cause) -> None:
    """Raise ``InvalidInput`` with a cause for each field that is wrong, where one is."""
    if causes:
        raise InvalidInput(title, "fields are invalid", causes)
