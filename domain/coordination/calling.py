"""Call activities: starting the called process, and telling the caller of its end (contracts/engine.md 2.13)."""

from domain.bpmn.events import InstanceState, JobType, ProcessCalled, ProcessReturned
from domain.bpmn.execution import ExecutionError, Turn
from domain.bpmn.graph import Graph
from domain.bpmn.intake import CalledProcess
from domain.coordination.starting import NewInstance, start_instance
from domain.coordination.unit_of_work import UnitOfWork
from domain.identity import InstanceId

#: Callers that a process may have around it: one that calls itself without end stops here, and all of them can still be
#: canceled together.
MOST_CALLERS = 100


def call(unit: UnitOfWork, turn: Turn, element_instance_id: int, called: CalledProcess) -> None:
    """Start an instance of the called process in the caller's partition; raise ``ExecutionError`` where none can be."""
    caller = turn.instance
    if caller.depth >= MOST_CALLERS:
        raise ExecutionError(f"more than {MOST_CALLERS} processes call each other")
    graph = _graph(unit, called)
    suspended = caller.state is InstanceState.SUSPENDED
    variables = called.variables
    child = start_instance(
        unit,
        graph,
        caller.partition,
        NewInstance(
            correlation_key=called.correlation_key,
            tags=called.tags,
            variables=variables if variables is not None else lambda _identity: (),
            state=InstanceState.SUSPENDED if suspended else InstanceState.STARTED,
            parent_id=caller.id,
            root_id=caller.root_id or caller.id,
            caller_id=element_instance_id,
            depth=caller.depth + 1,
        ),
    )
    turn.record(ProcessCalled(element_instance_id, child.instance.id))
    if child.instance.has_ended:  # it never waited, and has told so before it was known here
        turn.record(ProcessReturned(element_instance_id))


def return_to_caller(unit: UnitOfWork, turn: Turn) -> None:
    """Ask a worker to pass variables on after a called instance has completed."""
    caller = caller_of(unit, turn)
    if caller is None or turn.instance.caller_id not in caller.instance.elements:
        return
    call_activity = caller.instance.elements[turn.instance.caller_id]
    if call_activity.called:
        caller.record(ProcessReturned(call_activity.id))
    caller.create_job(call_activity.id, JobType.PASS_VARIABLES, caller.graph.elements[call_activity.element])


def caller_of(unit: UnitOfWork, turn: Turn) -> Turn | None:
    """Return the turn of the instance that called this one."""
    parent_id = turn.instance.parent_id
    return unit.turn(InstanceId(turn.instance.partition, parent_id)) if parent_id else None


def _graph(unit: UnitOfWork, called: CalledProcess) -> Graph:
    """Return the version to run: without one said, the latest."""
    graphs = unit.process(called.bpmn_process_id).graphs
    version = called.version or unit.process(called.bpmn_process_id).latest
    graph = graphs.get(version)
    if graph is None:
        name = f"{called.bpmn_process_id}:{version}" if version else called.bpmn_process_id
        raise ExecutionError(f"process {name} could not be found")
    if graph.bpmn_process_id not in graph.none_starts:
        raise ExecutionError(f"scope {graph.bpmn_process_id} has no none start event")
    return graph
