"""Numbers of things, in words that hold for one as well."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return the number with its noun, as in ``1 row`` and ``2 rows``; ``many`` where that is not ``one`` with an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
