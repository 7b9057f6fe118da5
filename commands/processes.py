"""Deploying processes."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from commands.context import Context, Decision
from commands.desk import Desk
from commands.intents import Intent, Tag, Timer
from commands.states import Versioned
from commands.turns import decided, tags_by_name, unit_of
from domain.bpmn.events import TaskType
from domain.bpmn.graph import ElementType, EventDefinition, ProcessModel
from domain.bpmn.reader import read_process
from domain.bpmn.timers import due_at
from domain.coordination.engine_tasks import create_start_task, create_task
from domain.coordination.unit_of_work import MessageStart, Question, UnitOfWork
from domain.event import Append
from domain.identity import InstanceId, Int32, process_stream, queue_stream
from domain.messaging.receivers import StartDefinition
from domain.processes.definitions import GivenDefinitions, resolve
from domain.processes.events import DeployedElement, ParallelismSet, ProcessDeployed
from domain.processes.process import NEW, DeployedVersion, Process, digest, evolve
from domain.processes.queue import Queue
from domain.rejection import InvalidState


class ErrorDefinition(Intent, frozen=True):
    bpmn_element_id: str = ""
    error_code: str = ""


class EscalationDefinition(Intent, frozen=True):
    bpmn_element_id: str = ""
    escalation_code: str = ""


class MessageDefinition(Intent, frozen=True):
    bpmn_element_id: str = ""
    message_name: str = ""


class SignalDefinition(Intent, frozen=True):
    bpmn_element_id: str = ""
    signal_name: str = ""


class TimerDefinition(Intent, frozen=True):
    bpmn_element_id: str = ""
    timer: Timer | None = None


class CreateProcess(Intent, frozen=True):
    """Deploy a version of a process (operation ``createProcess``)."""

    bpmn_process_id: str = ""
    bpmn_xml: str = ""
    version: str = ""
    worker_id: str = ""
    parallelism: Int32 = 0
    tags: tuple[Tag, ...] = ()
    errors: tuple[ErrorDefinition, ...] = ()
    escalations: tuple[EscalationDefinition, ...] = ()
    messages: tuple[MessageDefinition, ...] = ()
    signals: tuple[SignalDefinition, ...] = ()
    timers: tuple[TimerDefinition, ...] = ()


TITLE = "failed to create process"


class Gathered(NamedTuple):
    """The process so far, the version of its stream, and the model as read; None where it is known.

    ``running`` are the instances that run when the process is limited for the first time.
    """

    process: Process
    version: int
    model: ProcessModel | None
    states: Mapping[str, Versioned]
    running: Sequence[InstanceId] = ()
    answers: Mapping[Question, Any] = {}


async def gather_create(command: CreateProcess, _target: None, context: Context, desk: Desk) -> Gathered:
    """Hold the process and read the model, unless it is the very text of a known version."""
    stream = process_stream(context.tenant, command.bpmn_process_id)
    held = await desk.hold(stream)
    process: Process = held.state or NEW
    known = process.versions.get(command.version)
    if known is not None and known.xml_digest == digest(command.bpmn_xml):
        return Gathered(process, held.version, None, desk.states)
    model = read_process(command.bpmn_xml, command.bpmn_process_id)
    running: Sequence[InstanceId] = ()
    if command.parallelism and not process.limited:
        running = await desk.lookups.running_instances(context.tenant, command.bpmn_process_id)
    return Gathered(process, held.version, model, desk.states, running, desk.answers)


def decide_create(command: CreateProcess, _target: None, gathered: Gathered, context: Context) -> Decision:
    """Deploy a new version, or answer the known one when its model is the same text; a ``DeployedVersion``."""
    known = gathered.process.versions.get(command.version)
    definitions: Mapping[str, EventDefinition] = {}
    unit = unit_of(context, gathered.states, gathered.answers)
    if gathered.model is not None:
        definitions = resolve(gathered.model, _given(command), context.now, partial(_elsewhere, unit, command))
    if known is not None:
        return Decision((), _require_same_model(command, known))
    assert gathered.model is not None  # noqa: S101  (gathered where the version is new)
    deployed = _deploy(command, gathered.model, definitions, context)
    stream = process_stream(context.tenant, command.bpmn_process_id)
    process = evolve(gathered.process, deployed, context.now, context.actor.id)
    _set_timers(unit, deployed)
    if process.limited:
        _set_parallelism(unit, deployed, gathered.running)
    beside = decided(unit, process.versions[command.version])
    return Decision(
        (Append(stream, gathered.version, (deployed,)), *beside.appends),
        beside.answer,
        {stream: process, **beside.states},
    )


def _elsewhere(unit: UnitOfWork, command: CreateProcess, message_name: str) -> str:
    """Name the other process that messages of this name start, if there is one."""
    start: StartDefinition | None = unit.ask(MessageStart(message_name))
    if start is None or start.bpmn_process_id == command.bpmn_process_id:
        return ""
    return f"{start.bpmn_process_id}:{start.version}"


def _set_timers(unit: UnitOfWork, deployed: ProcessDeployed) -> None:
    """Leave the first time of each timer start event to a task (contracts/engine.md 2.2)."""
    for element in deployed.elements:
        timer = element.definition.timer if element.definition is not None else None
        is_start = element.type is ElementType.TIMER_START_EVENT and element.parent == deployed.bpmn_process_id
        if timer is not None and is_start:
            process = (deployed.process_id, deployed.bpmn_process_id, deployed.version)
            start = StartDefinition(*process, element.id, element.bpmn_element_id)
            create_start_task(unit, start, due_at(timer, unit.now), timer=timer)


def _set_parallelism(unit: UnitOfWork, deployed: ProcessDeployed, running: Sequence[InstanceId]) -> None:
    """Change how many instances run at once; when that lets one of them begin, a task begins with the queue."""
    stream = queue_stream(unit.tenant, deployed.bpmn_process_id)
    known: Queue | None = unit.state(stream)
    if known is None or known.parallelism != deployed.parallelism:
        begun = tuple((instance.partition.isoformat(), instance.id) for instance in running)
        unit.record(stream, ParallelismSet(deployed.parallelism, begun))
    queue: Queue | None = unit.state(stream)
    if queue is not None and queue.next is not None:
        create_task(
            unit,
            TaskType.DEQUEUE_PROCESS_INSTANCE,
            unit.now.date(),
            deployed.process_id,
            bpmn_process_id=deployed.bpmn_process_id,
        )


def _require_same_model(command: CreateProcess, known: DeployedVersion) -> DeployedVersion:
    if known.xml_digest != digest(command.bpmn_xml):
        name = f"{command.bpmn_process_id}:{command.version}"
        raise InvalidState(TITLE, f"process {name} already exists with a different BPMN XML")
    return known


def _deploy(
    command: CreateProcess, model: ProcessModel, definitions: Mapping[str, EventDefinition], context: Context
) -> ProcessDeployed:
    return ProcessDeployed(
        process_id=context.ids.next("process", None),
        bpmn_process_id=command.bpmn_process_id,
        version=command.version,
        xml=command.bpmn_xml,
        elements=tuple(
            DeployedElement(
                id=context.ids.next("element", None),
                bpmn_element_id=element.bpmn_id,
                type=element.type,
                name=element.name,
                parent=element.parent,
                definition=definitions.get(element.bpmn_id),
                multi_instance=element.multi_instance is not None,
            )
            for element in model.elements
        ),
        tags=tags_by_name(command.tags),
        collaboration_id=model.participant.collaboration_id,
        participant_id=model.participant.id,
        participant_name=model.participant.name,
        parallelism=command.parallelism,
    )


def _given(command: CreateProcess) -> GivenDefinitions:
    """Return what the command says about events; of several definitions of one element the last counts."""
    return GivenDefinitions(
        errors={given.bpmn_element_id: given.error_code for given in command.errors},
        escalations={given.bpmn_element_id: given.escalation_code for given in command.escalations},
        messages={given.bpmn_element_id: given.message_name for given in command.messages},
        signals={given.bpmn_element_id: given.signal_name for given in command.signals},
        timers={given.bpmn_element_id: given.timer.definition for given in command.timers if given.timer is not None},
    )
