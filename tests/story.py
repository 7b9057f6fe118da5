"""A story about a process instance: what it waits at, what workers do, where it ends.

It drives the engine's own turns. After every step the state folded anew from the recorded facts must equal the live
one (reliability: replay equality), so each scenario is a replay test too.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count

import msgspec

from domain.bpmn import engine
from domain.bpmn.elements import ELEMENTS
from domain.bpmn.engine import VariableChange
from domain.bpmn.events import InstanceEvent, InstanceState, ProcessInstanceStarted
from domain.bpmn.execution import Completion, Turn
from domain.bpmn.graph import Graph
from domain.bpmn.instance import Instance, Job, Task, evolve, start
from domain.bpmn.reader import read_process
from domain.identity import IdKind, InstanceId

#: Time passes between two steps.
STEP = timedelta(seconds=1)
MORNING = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class CountingIds:
    """Ids from 1 for each kind: the engine asks for no more than that they rise."""

    def __init__(self) -> None:
        self._counts: dict[str, Iterator[int]] = {}

    def next(self, kind: IdKind, day: date | None, above: int = 0) -> int:
        return next(self._counts.setdefault(kind, count(1)))

    def ulid(self) -> str:
        return f"{self.next('incident', None):026d}"


def bpmn(nodes: str, flows: str, process_id: str = "p", extra: str = "") -> str:
    """Write a BPMN model: ``nodes`` as ``id:tag`` and ``flows`` as ``source>target``, both separated by blanks.

    A node ``id:tag@scope`` lies in that sub-process; ``id:tag=flow`` has a default flow. Flows are named
    ``source_target`` and lie in the scope of their source.
    """
    scopes: dict[str, list[str]] = {}
    scope_of: dict[str, str] = {}
    subs = []
    for node in nodes.split():
        name, _, rest = node.partition(":")
        tag, _, scope = rest.partition("@")
        tag, _, default = tag.partition("=")
        scope_of[name] = scope
        attribute = f' default="{default}"' if default else ""
        scopes.setdefault(scope, [])
        if tag == "subProcess":
            subs.append((name, scope))
            scopes.setdefault(name, [])
        else:
            scopes[scope].append(f'<{tag} id="{name}"{attribute}/>')
    for flow in flows.split():
        source, _, target = flow.partition(">")
        text = f'<sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}"/>'
        scopes[scope_of[source]].append(text)
    for name, scope in reversed(subs):
        scopes[scope].append(f'<subProcess id="{name}">{"".join(scopes[name])}</subProcess>')
    body = "".join(scopes.get("", []))
    return f'<definitions><process id="{process_id}" isExecutable="true">{body}{extra}</process></definitions>'


class Story:
    """One instance of a model, from its start."""

    def __init__(self, xml: str, process_id: str = "p", variables: tuple[VariableChange, ...] = ()) -> None:
        model = read_process(xml, process_id)
        numbers = {element.bpmn_id: number for number, element in enumerate(model.elements, 1)}
        self.graph = Graph(1, "1", model, numbers)
        self.ids = CountingIds()
        self.now = MORNING
        self.facts: list[tuple[InstanceEvent, datetime]] = []
        started = ProcessInstanceStarted(process_id=1, bpmn_process_id=process_id, version="1")
        self.instance = start(InstanceId(MORNING.date(), 1), "default", started, self.now + STEP, "worker")
        turn = self._turn()
        engine.start(turn, started, variables)
        self._take(turn)

    def completes(self, element: str, *, decision: str = "") -> "Story":
        """Have a worker complete the oldest job at an element."""
        turn = self._turn()
        engine.complete_job(turn, self.job_at(element), Completion(exclusive_gateway_decision=decision))
        return self._take(turn)

    def runs_task_at(self, element: str) -> "Story":
        """Have the engine run the oldest task at an element."""
        turn = self._turn()
        engine.run_task(turn, self.task_at(element))
        return self._take(turn)

    def runs_all_tasks(self) -> "Story":
        while self.instance.tasks:
            turn = self._turn()
            engine.run_task(turn, next(iter(self.instance.tasks.values())))
            self._take(turn)
        return self

    def is_suspended(self) -> "Story":
        turn = self._turn()
        engine.suspend(turn)
        return self._take(turn)

    def is_resumed(self) -> "Story":
        turn = self._turn()
        engine.resume(turn)
        return self._take(turn)

    def waits_at(self, *elements: str) -> "Story":
        """Check that exactly these elements have a token that is neither a scope's nor ended."""
        scopes = {element.parent_id for element in self.instance.elements.values()}
        waiting = Counter(e.element for e in self.instance.elements.values() if e.id not in scopes)
        assert waiting == Counter(elements)
        return self

    def has_ended(self) -> "Story":
        assert self.instance.state is InstanceState.COMPLETED
        assert not self.instance.elements
        assert not self.instance.jobs
        assert not self.instance.tasks
        return self

    def job_at(self, element: str) -> Job:
        return next(job for job in self.instance.jobs.values() if job.element == element)

    def task_at(self, element: str) -> Task:
        return next(task for task in self.instance.tasks.values() if task.element == element)

    def names(self) -> list[str]:
        """Return the names of all facts so far."""
        return [type(fact).__name__ for fact, _ in self.facts]

    def _turn(self) -> Turn:
        self.now += STEP
        return Turn(self.instance.copy(), self.graph, ELEMENTS, now=self.now, by="worker", ids=self.ids)

    def _take(self, turn: Turn) -> "Story":
        self.facts += [(fact, turn.now) for fact in turn.events]
        self.instance = turn.instance
        assert self._replayed() == msgspec.json.encode(self.instance)
        return self

    def _replayed(self) -> bytes:
        first, at = self.facts[0]
        assert isinstance(first, ProcessInstanceStarted)
        instance = start(InstanceId(MORNING.date(), 1), "default", first, at, "worker")
        for fact, happened_at in self.facts:
            evolve(instance, fact, happened_at, "worker")
        snapshot = msgspec.json.encode(instance)
        return msgspec.json.encode(msgspec.json.decode(snapshot, type=Instance))
