"""What all blocks of a generated model are built with: chance, a budget of nodes, and the place they are built at.

Models are sound by construction: no token waits at a parallel join for one that never comes. So a branch between a
fork and its join is ``exact``: for each token that goes in, exactly one comes out, unless the whole scope ends. Two
tokens of different rounds may meet at an inclusive join and leave it as one, so there is no inclusive block in an exact
branch of a scope in which several tokens can be under way (``many``).
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from domain.bpmn.graph import EventDefinition
from tests.models.defining import Definition, define
from tests.models.writing import Node, Process, Scope

#: Scopes and blocks inside each other.
DEEPEST = 4


class Piece(NamedTuple):
    """A part of a scope: where tokens go in, and where they come out, if any does."""

    entry: str
    exit: str | None


class Place(NamedTuple):
    """Where something is built: the scope, how deep, and what holds for tokens there."""

    scope: Scope
    depth: int = 0
    exact: bool = False
    many: bool = False

    def deeper(self, *, exact: bool = False) -> "Place":
        """Return the place of a branch; one inside an exact branch is exact too."""
        return self._replace(depth=self.depth + 1, exact=self.exact or exact)

    def beside(self) -> "Place":
        """Return the place of a branch that begins beside the other tokens, any number of times, and ends by itself."""
        return self._replace(depth=self.depth + 1, exact=False, many=True)


class Builder:
    """Builds one process; ``callees`` are the ids of processes that it may call."""

    def __init__(self, chance: Random, process: Process, callees: Sequence[str], budget: int) -> None:
        self.chance = chance
        self.process = process
        self.callees = callees
        self.budget = budget
        #: Set by ``blocks``: they build sequences, and sequences build them.
        self.sequence: Callable[[Builder, Place], Piece]

    def happens(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent

    def add(self, place: Place, tag: str, kind: str = "", **attributes: str) -> Node:
        self.budget -= 1
        return place.scope.add(tag, kind, **attributes)

    def event(self, place: Place, tag: str, kind: str, **attributes: str) -> Node:
        """Add an event of a kind that a definition says more about."""
        catches = tag not in {"endEvent", "intermediateThrowEvent"}
        asked = tag != "startEvent" or kind not in ("signal", "timer")
        return self.defined(place, tag, kind, define(self.chance, kind, catches=catches, asked=asked), **attributes)

    def defined(self, place: Place, tag: str, kind: str, definition: Definition, **attributes: str) -> Node:
        node = self.add(place, tag, f"{kind}_{tag}", **attributes)
        node.content = definition.xml
        self.give(node, definition.given)
        return node

    def give(self, node: Node, given: EventDefinition | None) -> None:
        """Have a definition come with the deployment."""
        if given is not None:
            self.process.given[node.id] = given

    def end(self, place: Place) -> str:
        """Add an end event for a token whose absence is missed nowhere."""
        kinds = ("none", "message", "signal", "error", "escalation", "terminate")
        kind = self.chance.choices(kinds, (8, 2, 2, 2, 2, 1))[0]
        if kind == "none":
            return self.add(place, "endEvent").id
        if kind == "terminate":
            return self.terminate(place)
        return self.event(place, "endEvent", kind).id

    def terminate(self, place: Place) -> str:
        return self.defined(place, "endEvent", "terminate", Definition("<terminateEventDefinition/>")).id
