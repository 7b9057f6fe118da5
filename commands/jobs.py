"""Completing jobs (contracts/engine.md 2.5)."""

from datetime import datetime
from typing import NamedTuple

from commands.context import Context, Decision
from commands.desk import Desk, Held
from commands.failing import Retry, due, fail_job
from commands.intents import Data, ElementVariable, EntityId, Intent, ProcessVariable, Tag, Timer
from commands.turns import begun, decided, element_changes, loop_items, process_changes, tags_by_name
from domain.bpmn import engine, intake
from domain.bpmn.events import Item, JobCanceled, JobType, WorkState
from domain.bpmn.execution import ExecutionError, Turn
from domain.bpmn.instance import Instance, Job
from domain.bpmn.intake import Completion
from domain.identity import Int32, channel_stream
from domain.rejection import InvalidState, NotFound


class CalledProcess(Intent, frozen=True):
    bpmn_process_id: str = ""
    version: str = ""
    correlation_key: str = ""
    tags: tuple[Tag, ...] = ()
    variables: tuple[ProcessVariable, ...] = ()


class JobCompletion(Intent, frozen=True):
    """What the job's type asks for; members that it does not use are ignored.

    ``loop_cardinality`` and ``loop_items`` answer a job ``SET_MULTI_INSTANCE``: how often, or for which items. They are
    ours beyond the contract.
    """

    called_process: CalledProcess | None = None
    error_code: str = ""
    escalation_code: str = ""
    exclusive_gateway_decision: str = ""
    inclusive_gateway_decision: tuple[str, ...] = ()
    message_correlation_key: str = ""
    message_name: str = ""
    signal_name: str = ""
    timer: Timer | None = None
    loop_cardinality: Int32 | None = None
    loop_items: tuple[Data, ...] | None = None


class CompleteJob(Intent, frozen=True):
    """Report a locked job as done, or as failed when ``error`` is given (operation ``completeJob``)."""

    worker_id: str = ""
    completion: JobCompletion | None = None
    error: str = ""
    retry_limit: Int32 = 0
    retry_timer: str = ""
    element_variables: tuple[ElementVariable, ...] = ()
    process_variables: tuple[ProcessVariable, ...] = ()


class JobAnswer(NamedTuple):
    """A job with the instance it belongs to, and what became of it; ``error`` says why it failed."""

    instance: Instance
    job: Job
    state: WorkState
    error: str = ""
    completed_at: datetime | None = None


class HeldJob(NamedTuple):
    """What completing a job is decided on."""

    held: Held
    job: Job


COMPLETE = "failed to complete job"

#: Characters of an error that are kept: a report of a failure counts however long its text is, but pages of jobs have
#: to fit into memory.
LONGEST_ERROR = 10_000


async def gather_complete(command: CompleteJob, target: EntityId, context: Context, desk: Desk) -> HeldJob:
    """Hold the job's instance."""
    identity = await desk.lookups.job(context.tenant, target)
    instance = await desk.instance(identity, context.tenant) if identity is not None else None
    job = instance.jobs.get(target.id) if instance is not None else None
    if instance is not None and job is not None:
        held = await desk.held(instance)
        await _hold_channel(command, job, instance, desk)
        return HeldJob(held, job)
    if await desk.lookups.had_job(context.tenant, target):
        raise InvalidState(COMPLETE, f"job {target} is completed")
    raise NotFound(COMPLETE, f"job {target} could not be found")


async def _hold_channel(command: CompleteJob, job: Job, instance: Instance, desk: Desk) -> None:
    """Have the channel at hand that the completion subscribes to, so that deciding need not ask for it."""
    said = command.completion
    if said is not None and said.message_correlation_key and job.type in _SUBSCRIBING:
        process = await desk.process(instance.tenant, instance.bpmn_process_id)
        graph = process.graphs.get(instance.version)
        definition = graph.elements[job.element].definition if graph is not None else None
        name = said.message_name if definition is None else definition.message_name
        await desk.hold(channel_stream(instance.tenant, name, said.message_correlation_key))


_SUBSCRIBING = (JobType.SET_MESSAGE_CORRELATION_KEY, JobType.SUBSCRIBE_MESSAGE)


def decide_complete(command: CompleteJob, target: EntityId, gathered: HeldJob, context: Context) -> Decision:
    """Take a worker's report: the token goes on, or the job is tried again, or an incident arises."""
    held, job = gathered
    _require_locked(job, target, command.worker_id)
    unit, turn = begun(held, context)
    state = WorkState.DONE
    error = command.error[:LONGEST_ERROR]
    if job.element_instance_id not in turn.instance.elements:  # whatever the report says, nobody needs it any more
        error, state = "", WorkState.CANCELED
        turn.record(JobCanceled(job.id))
    elif not error:
        try:
            _report(turn, job, command, context)
            engine.complete_job(turn, job, _completion(command, turn, job, context))
        except ExecutionError as failure:
            error = str(failure)[:LONGEST_ERROR]
            unit, turn = begun(held, context)
    if error:
        _report(turn, job, command, context)
        state = fail_job(unit, turn, job, error, Retry(command.retry_limit, command.retry_timer))
    return decided(unit, JobAnswer(turn.instance.outline(), job, state, error, context.now))


def _require_locked(job: Job, target: EntityId, worker_id: str) -> None:
    if not job.locked_by:
        raise InvalidState(COMPLETE, f"job {target} is not locked")
    if job.locked_by != worker_id:
        raise InvalidState(COMPLETE, f"job {target} is not locked by worker {worker_id}, but {job.locked_by}")


def _report(turn: Turn, job: Job, command: CompleteJob, context: Context) -> None:
    """Record the variables that came with the report; they count even when the job failed."""
    if command.process_variables:
        changes = process_changes(command.process_variables, turn.instance.identity, context)
        engine.change_variables(turn, changes)
    if command.element_variables:
        element_instance_id = job.element_instance_id
        engine.change_variables(
            turn, element_changes(command.element_variables, turn.instance, element_instance_id, context)
        )


def _completion(command: CompleteJob, turn: Turn, job: Job, context: Context) -> Completion:
    said = command.completion
    if said is None:
        return Completion()
    return Completion(
        exclusive_gateway_decision=said.exclusive_gateway_decision,
        inclusive_gateway_decision=said.inclusive_gateway_decision,
        error_code=said.error_code,
        escalation_code=said.escalation_code,
        message_name=said.message_name,
        message_correlation_key=said.message_correlation_key,
        signal_name=said.signal_name,
        timer=said.timer.definition if said.timer is not None else None,
        called=_called(said.called_process, context) if said.called_process is not None else None,
        loop_cardinality=said.loop_cardinality,
        loop_items=_items(said.loop_items, turn, job, context) if said.loop_items is not None else None,
        again_at=due(context.now, command.retry_timer) if said.escalation_code else None,
    )


def _items(items: tuple[Data, ...], turn: Turn, job: Job, context: Context) -> tuple[Item, ...]:
    several = turn.graph.elements[job.element].multi_instance
    name = several.item if several is not None else ""
    return loop_items(items, turn.instance.identity, job.element_instance_id, name, context)


def _called(called: CalledProcess, context: Context) -> intake.CalledProcess:
    return intake.CalledProcess(
        called.bpmn_process_id,
        called.version,
        called.correlation_key,
        tags_by_name(called.tags),
        lambda identity: process_changes(called.variables, identity, context),
    )
