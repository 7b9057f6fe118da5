"""What the texts of incidents never hold: control characters, whoever wrote them, nor halves of surrogate pairs.

Terminals and pages stumble on these; PostgreSQL cannot keep NUL at all, so a read model would stop at such a fact.
"""

import re

#: All of the categories Cc and Cs but what a text of several lines has: line feed, carriage return, tab.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def is_legible(text: str) -> bool:
    """Tell whether a text can be shown anywhere as it is."""
    return _CONTROL.search(text) is None


def legible(text: str) -> str:
    """Return a text that nobody could be asked to write otherwise, with a blank for each such character."""
    return _CONTROL.sub(" ", text)
