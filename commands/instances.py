"""Starting, suspending and resuming process instances."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from commands.context import Context, Decision
from commands.desk import Desk, Held
from commands.intents import ByWorker, Intent, ProcessVariable, Tag
from commands.states import Versioned
from commands.turns import begun, decided, process_changes, require_running, tags_by_name, unit_of
from domain.bpmn import engine
from domain.bpmn.events import InstanceState
from domain.bpmn.execution import ExecutionError
from domain.bpmn.graph import Graph
from domain.bpmn.instance import Instance
from domain.coordination.starting import NewInstance, start_instance
from domain.coordination.unit_of_work import Question
from domain.identity import InstanceId
from domain.rejection import ExecutionFailed, InvalidModel, InvalidState, NotFound


class StartProcessInstance(Intent, frozen=True):
    """Start an instance of a deployed version (operation ``createProcessInstance``)."""

    bpmn_process_id: str = ""
    version: str = ""
    worker_id: str = ""
    correlation_key: str = ""
    tags: tuple[Tag, ...] = ()
    variables: tuple[ProcessVariable, ...] = ()


class SuspendProcessInstance(ByWorker, frozen=True):
    """Halt an instance (operation ``suspendProcessInstance``)."""

    title: ClassVar[str] = "failed to suspend process instance"


class ResumeProcessInstance(ByWorker, frozen=True):
    """Let a suspended instance go on (operation ``resumeProcessInstance``)."""

    title: ClassVar[str] = "failed to resume process instance"


class CancelProcessInstance(ByWorker, frozen=True):
    """End an instance and everything in it (operation ``cancelProcessInstance``, ours beyond the contract)."""

    title: ClassVar[str] = "failed to cancel process instance"


class HeldGraph(NamedTuple):
    """The version to run, and what is at hand to start it."""

    graph: Graph
    states: Mapping[str, Versioned]
    answers: Mapping[Question, Any]


async def gather_start(command: StartProcessInstance, _target: None, context: Context, desk: Desk) -> HeldGraph:
    """Find the version to run."""
    process = await desk.process(context.tenant, command.bpmn_process_id)
    graph = process.graphs.get(command.version)
    if graph is None:
        name = f"{command.bpmn_process_id}:{command.version}"
        raise NotFound("failed to create process instance", f"process {name} could not be found")
    return HeldGraph(graph, desk.states, desk.answers)


def decide_start(command: StartProcessInstance, _target: None, gathered: HeldGraph, context: Context) -> Decision:
    """Start an instance in today's partition; the answer is the outline of the ``Instance``."""
    graph = gathered.graph
    if graph.bpmn_process_id not in graph.none_starts:
        detail = f"scope {graph.bpmn_process_id} has no none start event"
        raise InvalidModel("failed to create execution", detail)
    unit = unit_of(context, gathered.states, gathered.answers)
    new = NewInstance(
        correlation_key=command.correlation_key,
        tags=tags_by_name(command.tags),
        variables=lambda identity: process_changes(command.variables, identity, context),
    )
    try:
        turn = start_instance(unit, graph, context.now.date(), new)
    except ExecutionError as error:
        raise ExecutionFailed("failed to create process instance", str(error)) from error
    return decided(unit, turn.instance.outline())


async def gather_instance(
    command: SuspendProcessInstance | ResumeProcessInstance | CancelProcessInstance,
    target: InstanceId,
    context: Context,
    desk: Desk,
) -> Held:
    """Hold the instance."""
    instance = await desk.instance(target, context.tenant)
    if instance is None:
        raise NotFound(command.title, f"process instance {target} could not be found")
    return await desk.held(instance)


def decide_suspend(command: SuspendProcessInstance, target: InstanceId, held: Held, context: Context) -> Decision:
    """Halt a started instance."""
    _require_state(held.instance, InstanceState.STARTED, command.title, target)
    unit, turn = begun(held, context)
    engine.suspend(turn)
    return decided(unit)


def decide_resume(command: ResumeProcessInstance, target: InstanceId, held: Held, context: Context) -> Decision:
    """Let a suspended instance go on."""
    _require_state(held.instance, InstanceState.SUSPENDED, command.title, target)
    unit, turn = begun(held, context)
    try:
        engine.resume(turn)
    except ExecutionError as error:
        raise ExecutionFailed(command.title, str(error)) from error
    return decided(unit)


def decide_cancel(command: CancelProcessInstance, target: InstanceId, held: Held, context: Context) -> Decision:
    """End an instance and what it called; one that was called ends with its caller, never alone."""
    instance = held.instance
    require_running(instance, command.title)
    if instance.parent_id:
        root = InstanceId(instance.partition, instance.root_id)
        raise InvalidState(command.title, f"process instance {target} was called: cancel process instance {root}")
    unit, turn = begun(held, context)
    engine.cancel(turn)
    return decided(unit)


def _require_state(instance: Instance, state: InstanceState, title: str, target: InstanceId) -> None:
    if instance.state is not state:
        raise InvalidState(title, f"process instance {target} is not in state {state}, but {instance.state}")
