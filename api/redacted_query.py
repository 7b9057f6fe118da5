"""Query strings as logs may have them: values are shown where they say where and how much, never what about."""

#: Parameters whose values are numbers, times, words of an enumeration or ids, by all APIs.
SHOWN = frozenset(
    {
        "after",
        "before",
        "format",
        "from",
        "limit",
        "minPosition",
        "offset",
        "order",
        "page",
        "sort",
        "state",
        "states",
        "status",
        "to",
        "types",
        "upto",
        "version",
        "wait",
    }
)

HIDDEN = "***"


def redacted(query: str) -> str:
    """Return a query string without the values of parameters that may hold anything."""
    return "&".join(map(_redacted, query.split("&"))) if query else ""


def _redacted(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    if not equals:
        return HIDDEN  # somebody's secret may stand where a name should
    return pair if name in SHOWN else f"{_word(name)}={HIDDEN}"


def _word(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").isalnum() and len(name) <= 40 else HIDDEN
