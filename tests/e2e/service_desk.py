"""What a real service desk's log says, computed from its file alone: nothing here knows Annals.

The file has a row for each update of an incident: ``number``, ``incident_state``, ``priority``, ``opened_at``,
``sys_updated_at`` (day-month-year, to the minute).
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import NamedTuple

#: The desk's states as the feed, uptime and alerts call them. It waits for a user or for a problem in one word of ours.
WORDS: Mapping[str, tuple[str, str, str]] = {
    "New": ("open", "open", "open"),
    "Active": ("investigating", "acknowledged", "investigating"),
    "Awaiting User Info": ("awaiting_approval", "acknowledged", "investigating"),
    "Awaiting Problem": ("awaiting_approval", "acknowledged", "investigating"),
    "Resolved": ("resolved", "resolved", "resolved"),
    "Closed": ("closed", "closed", "closed"),
}

#: The desk's priorities as the feed calls severities.
SEVERITIES = {"1 - Critical": "critical", "2 - High": "high", "3 - Moderate": "medium", "4 - Low": "low"}


class Change(NamedTuple):
    """From a moment on an incident was in a state."""

    at: datetime
    state: str


class Case(NamedTuple):
    """An incident of the desk: when it began, when the desk first wrote of it, and its changes of state since."""

    number: str
    opened_at: datetime
    written_at: datetime
    priority: str
    changes: tuple[Change, ...]

    @property
    def last(self) -> str:
        return self.changes[-1].state

    @property
    def moves(self) -> tuple[Change, ...]:
        """The changes that are moves in the feed's words, from ``open``."""
        moves, word = [], "open"
        for change in self.changes:
            if WORDS[change.state][0] != word:
                word = WORDS[change.state][0]
                moves.append(change)
        return tuple(moves)

    @property
    def reopenings(self) -> int:
        return sum(before.state == "Resolved" and after.state != "Closed" for before, after in pairwise(self.moves))

    @property
    def resolved_at(self) -> datetime | None:
        """When it was resolved for good; None where it was opened again since."""
        resolved_at = None
        for change in self.moves:
            if change.state == "Resolved":
                resolved_at = change.at
            elif change.state != "Closed":
                resolved_at = None
        return resolved_at

    @property
    def recovery_minutes(self) -> int | None:
        return None if self.resolved_at is None else round((self.resolved_at - self.opened_at).total_seconds() / 60)

    def as_of(self, at: datetime) -> "Case":
        """Return the case as it stood at a moment."""
        return self._replace(changes=tuple(change for change in self.changes if change.at <= at))

    def history(self, dialect: int) -> list[str]:
        """Return the words that one API shows in turn (0 feed, 1 uptime, 2 alerts); what is reopened is open first."""
        words = ["open"]
        for before, change in zip(("New", *(c.state for c in self.moves)), self.moves, strict=False):
            if before == "Resolved" and change.state != "Closed":
                words.append("open")
            if WORDS[change.state][dialect] != words[-1]:
                words.append(WORDS[change.state][dialect])
        return words


def read_cases(path: Path) -> list[Case]:
    """Return the cases of a file, in order of their numbers."""
    rows: dict[str, list[Mapping[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["number"], []).append(row)
    return [_case(number, updates) for number, updates in sorted(rows.items())]


def _case(number: str, updates: list[Mapping[str, str]]) -> Case:
    updates = sorted(updates, key=lambda row: _moment(row["sys_updated_at"]))
    written_at = _moment(updates[0]["sys_updated_at"])
    opened_at = min(_moment(updates[0]["opened_at"]), written_at)
    return Case(number, opened_at, written_at, updates[0]["priority"], tuple(_changes(updates)))


def _changes(updates: list[Mapping[str, str]]) -> Iterator[Change]:
    state = ""
    for row in updates:
        if row["incident_state"] != state:
            state = row["incident_state"]
            yield Change(_moment(row["sys_updated_at"]), state)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%d-%m-%Y %H:%M")  # noqa: DTZ007  (the file names no zone)


def counts(cases: list[Case], dialect: int) -> Counter[str]:
    """Return how many cases ended in each word of an API."""
    return Counter(WORDS[case.last][dialect] for case in cases)


def mean_recovery_minutes(cases: list[Case]) -> float:
    return mean(case.recovery_minutes for case in cases if case.recovery_minutes is not None)
