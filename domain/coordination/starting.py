"""Starting and ending instances, in turn where a process limits how many run at once (contracts/engine.md 2.4)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date

import msgspec

from domain.bpmn import engine
from domain.bpmn.events import InstanceState, ProcessInstanceStarted, TaskType
from domain.bpmn.execution import Turn
from domain.bpmn.graph import Graph
from domain.bpmn.instance import start
from domain.bpmn.intake import VariableChange
from domain.coordination.engine_tasks import create_task_for
from domain.coordination.unit_of_work import UnitOfWork
from domain.identity import InstanceId, queue_stream
from domain.processes.events import InstanceAdmitted, InstanceDequeued, InstanceLeft, InstanceQueued
from domain.processes.queue import Queue


class NewInstance(msgspec.Struct, frozen=True):
    """What is given to a new instance; ``variables`` are told once it has an identity."""

    correlation_key: str = ""
    tags: Mapping[str, str] = {}
    variables: Callable[[InstanceId], Iterable[VariableChange]] = lambda _identity: ()
    state: InstanceState = InstanceState.STARTED
    parent_id: int = 0
    root_id: int = 0
    caller_id: int = 0
    depth: int = 0
    start_event: str = ""
    message_id: int = 0
    message_name: str = ""


def start_instance(unit: UnitOfWork, graph: Graph, partition: date, new: NewInstance) -> Turn:
    """Start an instance, or have it wait for its turn; raise ``ExecutionError`` when it takes too many steps."""
    identity = InstanceId(partition, unit.ids.next("process_instance", partition))
    limited = unit.process(graph.bpmn_process_id).limited
    admitted = not limited or _take_place(unit, graph, identity)
    started = ProcessInstanceStarted(
        process_id=graph.process_id,
        bpmn_process_id=graph.bpmn_process_id,
        version=graph.version,
        correlation_key=new.correlation_key,
        tags=dict(new.tags),
        state=new.state if admitted else InstanceState.QUEUED,
        parent_id=new.parent_id,
        root_id=new.root_id,
        caller_id=new.caller_id,
        start_event=new.start_event,
        message_id=new.message_id,
        message_name=new.message_name,
        limited=limited,
        depth=new.depth,
    )
    turn = unit.new_turn(start(identity, unit.tenant, started, unit.now, unit.by))
    engine.start(turn, started, new.variables(identity))
    return turn


def leave_queue(unit: UnitOfWork, turn: Turn) -> None:
    """Give up an instance's place; whoever waited longest takes it."""
    instance = turn.instance
    if not (instance.limited or unit.process(instance.bpmn_process_id).limited):
        return
    stream = queue_stream(unit.tenant, instance.bpmn_process_id)
    unit.record(stream, InstanceLeft(instance.partition.isoformat(), instance.id))
    dequeue(unit, instance.bpmn_process_id)


def dequeue(unit: UnitOfWork, bpmn_process_id: str) -> None:
    """Give a free place, if there is one, to the instance that waited longest, by a task."""
    following = next_in_queue(unit, bpmn_process_id)
    if following is None:
        return
    stream = queue_stream(unit.tenant, bpmn_process_id)
    process_id = unit.state(stream).waiting[str(following)]
    unit.record(stream, InstanceDequeued(following.partition.isoformat(), following.id))
    create_task_for(unit, TaskType.START_PROCESS_INSTANCE, following, process_id)


def next_in_queue(unit: UnitOfWork, bpmn_process_id: str) -> InstanceId | None:
    """Return the instance whose turn it is, for which there is a place."""
    queue: Queue | None = unit.state(queue_stream(unit.tenant, bpmn_process_id))
    return queue.next if queue is not None else None


def _take_place(unit: UnitOfWork, graph: Graph, identity: InstanceId) -> bool:
    """Tell whether an instance has a place at once; nobody overtakes those who wait."""
    stream = queue_stream(unit.tenant, graph.bpmn_process_id)
    queue: Queue = unit.state(stream) or Queue()
    if queue.has_place and not queue.waiting:
        unit.record(stream, InstanceAdmitted(identity.partition.isoformat(), identity.id))
        return True
    unit.record(stream, InstanceQueued(identity.partition.isoformat(), identity.id, graph.process_id))
    return False
