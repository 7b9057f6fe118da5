"""How each public API names the statuses and severities of incidents, and which moves it takes (incidents.md 0.2).

A dialect's filters and its table of moves work on the words that it shows, not on what is behind them.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from domain.incidents.incident import Incident
from domain.incidents.status import Status
from domain.rejection import InvalidState

DialectName = Literal["feed", "uptime", "alerts"]

#: The severity ranks, from the worst.
RANKS = (4, 3, 2, 1, 0)


class Dialect(NamedTuple):
    """The words of one API.

    ``statuses`` and ``severities`` say what is shown; ``ranks`` which rank a severity that comes in stands for, the
    highest where a word is shown for several. ``moves`` lists the words that may follow a word, in order of the life
    cycle. ``writes_when_closed`` says whether a note may be added to a closed incident.
    """

    name: DialectName
    statuses: Mapping[Status, str]
    severities: Mapping[int, str]
    ranks: Mapping[str, int]
    moves: Mapping[str, tuple[str, ...]]
    writes_when_closed: bool

    @property
    def words(self) -> tuple[str, ...]:
        """Every status that is ever shown, in order of the life cycle."""
        return tuple(self.moves)

    def status_of(self, incident: Incident) -> str:
        return self.statuses[incident.status]

    def allowed(self, incident: Incident) -> tuple[str, ...]:
        """Return the words that may be asked for now."""
        return tuple(word for word in self.moves[self.status_of(incident)] if Status(word) in incident.moves)

    def shown_as(self, word: str) -> tuple[Status, ...]:
        """Return every status that is shown as this word."""
        return tuple(status for status, shown in self.statuses.items() if shown == word)

    def ranks_shown_as(self, word: str) -> tuple[int, ...]:
        """Return every severity rank that is shown as this word."""
        return tuple(rank for rank, shown in self.severities.items() if shown == word)


class RefusedMove(InvalidState):
    """A move that the dialect's table, or the incident itself, does not allow; ``allowed`` lists those that are.

    ``why`` is given where neither of them says so.
    """

    def __init__(self, current: str, asked: str, allowed: tuple[str, ...], why: str = "") -> None:
        targets = ", ".join(allowed) or "none"
        because = f", since {why}" if why else ""
        super().__init__(
            "failed to move incident",
            f"cannot move from {current} to {asked}{because}, allowed targets are: {targets}",
        )
        self.current = current
        self.asked = asked
        self.allowed = allowed


def _chain(*words: str) -> Mapping[str, tuple[str, ...]]:
    """Return the moves of a life cycle in which every later step may follow."""
    return {word: words[number + 1 :] for number, word in enumerate(words)}


_FEED_CHAIN = _chain("open", "triaging", "investigating", "awaiting_approval", "remediating", "resolved", "closed")

FEED = Dialect(
    name="feed",
    statuses={
        Status.OPEN: "open",
        Status.ACKNOWLEDGED: "triaging",
        Status.TRIAGING: "triaging",
        Status.INVESTIGATING: "investigating",
        Status.AWAITING_APPROVAL: "awaiting_approval",
        Status.REMEDIATING: "remediating",
        Status.RESOLVED: "resolved",
        Status.CLOSED: "closed",
        Status.CANCELED: "closed",
    },
    severities={4: "critical", 3: "high", 2: "medium", 1: "low", 0: "low"},
    ranks={"critical": 4, "high": 3, "medium": 2, "low": 1, "info": 0},
    moves={**_FEED_CHAIN, "awaiting_approval": ("investigating", *_FEED_CHAIN["awaiting_approval"])},
    writes_when_closed=False,
)

UPTIME = Dialect(
    name="uptime",
    statuses={
        Status.OPEN: "open",
        Status.ACKNOWLEDGED: "acknowledged",
        Status.TRIAGING: "acknowledged",
        Status.INVESTIGATING: "acknowledged",
        Status.AWAITING_APPROVAL: "acknowledged",
        Status.REMEDIATING: "acknowledged",
        Status.RESOLVED: "resolved",
        Status.CLOSED: "closed",
        Status.CANCELED: "closed",
    },
    severities={4: "critical", 3: "major", 2: "minor", 1: "warning", 0: "warning"},
    ranks={"critical": 4, "major": 3, "minor": 2, "warning": 1},
    moves={
        "open": ("acknowledged", "resolved"),
        "acknowledged": ("resolved", "closed"),
        "resolved": ("closed",),
        "closed": (),
    },
    writes_when_closed=False,
)

ALERTS = Dialect(
    name="alerts",
    statuses={
        Status.OPEN: "open",
        Status.ACKNOWLEDGED: "acknowledged",
        Status.TRIAGING: "acknowledged",
        Status.INVESTIGATING: "investigating",
        Status.AWAITING_APPROVAL: "investigating",
        Status.REMEDIATING: "investigating",
        Status.RESOLVED: "resolved",
        Status.CLOSED: "closed",
        Status.CANCELED: "closed",
    },
    severities={4: "critical", 3: "warning", 2: "warning", 1: "info", 0: "info"},
    ranks={"critical": 4, "warning": 3, "info": 1},
    moves={
        "open": ("acknowledged", "investigating", "resolved", "closed"),
        "acknowledged": ("investigating", "resolved", "closed"),
        "investigating": ("resolved", "closed"),
        "resolved": ("closed", "open"),
        "closed": ("open",),
    },
    writes_when_closed=True,
)

DIALECTS: Mapping[DialectName, Dialect] = {dialect.name: dialect for dialect in (FEED, UPTIME, ALERTS)}
