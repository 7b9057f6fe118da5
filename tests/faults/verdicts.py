"""How campaigns end."""

from collections.abc import Sequence


def concluded(told: str, wrong: Sequence[str], well: str) -> int:
    """Print how it went, then what is wrong, or else that all is ``well``; return the exit code."""
    print(told)
    print("\n".join(wrong) or well)
    return 1 if wrong else 0
