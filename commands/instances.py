"""Starting, suspending and resuming process instances."""

from typing import ClassVar

from commands.context import Context, Decision
from commands.desk import Desk, Held
from commands.intents import ByWorker, Intent, ProcessVariable, Tag
from commands.turns import decided, process_changes, tags_by_name, turn_on
from domain.bpmn import engine
from domain.bpmn.events import InstanceState, ProcessInstanceStarted
from domain.bpmn.execution import ExecutionError
from domain.bpmn.graph import Graph
from domain.bpmn.instance import Instance, start
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


async def gather_start(command: StartProcessInstance, _target: None, context: Context, desk: Desk) -> Graph:
    """Find the version to run."""
    process = await desk.process(context.tenant, command.bpmn_process_id)
    graph = process.graphs.get(command.version)
    if graph is None:
        name = f"{command.bpmn_process_id}:{command.version}"
        raise NotFound("failed to create process instance", f"process {name} could not be found")
    return graph


def decide_start(command: StartProcessInstance, _target: None, graph: Graph, context: Context) -> Decision:
    """Start an instance in today's partition; the answer is the outline of the ``Instance``."""
    if graph.bpmn_process_id not in graph.none_starts:
        detail = f"scope {graph.bpmn_process_id} has no none start event"
        raise InvalidModel("failed to create execution", detail)
    identity = InstanceId(context.now.date(), context.ids.next("process_instance", context.now.date()))
    started = ProcessInstanceStarted(
        process_id=graph.process_id,
        bpmn_process_id=graph.bpmn_process_id,
        version=graph.version,
        correlation_key=command.correlation_key,
        tags=tags_by_name(command.tags),
    )
    instance = start(identity, context.tenant, started, context.now, context.actor.id)
    held = Held(instance, 0, graph, {})
    turn = turn_on(held, context)
    try:
        engine.start(turn, started, process_changes(command.variables, identity, context))
    except ExecutionError as error:
        raise ExecutionFailed("failed to create process instance", str(error)) from error
    return decided(turn, held, answer=turn.instance.outline())


async def gather_instance(
    command: SuspendProcessInstance | ResumeProcessInstance, target: InstanceId, context: Context, desk: Desk
) -> Held:
    """Hold the instance."""
    instance = await desk.instance(target, context.tenant)
    if instance is None:
        raise NotFound(command.title, f"process instance {target} could not be found")
    return await desk.held(instance)


def decide_suspend(command: SuspendProcessInstance, target: InstanceId, held: Held, context: Context) -> Decision:
    """Halt a started instance."""
    _require_state(held.instance, InstanceState.STARTED, command.title, target)
    turn = turn_on(held, context)
    engine.suspend(turn)
    return decided(turn, held)


def decide_resume(command: ResumeProcessInstance, target: InstanceId, held: Held, context: Context) -> Decision:
    """Let a suspended instance go on."""
    _require_state(held.instance, InstanceState.SUSPENDED, command.title, target)
    turn = turn_on(held, context)
    try:
        engine.resume(turn)
    except ExecutionError as error:
        raise ExecutionFailed(command.title, str(error)) from error
    return decided(turn, held)


def _require_state(instance: Instance, state: InstanceState, title: str, target: InstanceId) -> None:
    if instance.state is not state:
        raise InvalidState(title, f"process instance {target} is not in state {state}, but {instance.state}")
