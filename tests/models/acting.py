"""What may happen in a world at any moment: each action picks its object by chance, and tells what it did."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from commands.context import Work
from commands.incidents import ResolveIncident
from commands.instances import (
    CancelProcessInstance,
    ResumeProcessInstance,
    StartProcessInstance,
    SuspendProcessInstance,
)
from commands.intents import Data, ElementVariable, EntityId, ProcessVariable, Tag, Timer
from commands.job_locks import ExpireLocksOf, LockJobsOf, UnlockJobsOf
from commands.jobs import CompleteJob
from commands.messages import SendMessage
from commands.signals import SendSignal
from commands.tasks import RunTask
from commands.user_tasks import UpdateUserTask
from commands.variables import SetElementVariables, SetProcessVariables
from domain.bpmn.instance import Instance, Job
from domain.identity import instance_of, process_stream
from tests.models.answering import KEYS, answer
from tests.models.world import TENANT, WORKER, World
from tests.models.writing import ERROR_CODES, ESCALATION_CODES, MESSAGES, SIGNALS, start_name

ENGINE = "engine"

#: Does something and tells what, or None when there was nothing to do it to.
Act = Callable[[World], Awaitable[str | None]]


class Moment(NamedTuple):
    """How likely an action is while chance rules, and while everybody wants the instances to come to their ends."""

    wild: int
    helpful: int = 0


async def complete_job(world: World) -> str | None:
    """Have a worker complete a due job; one in six does it wrong."""
    return await _report_on_job(world, lies=world.happens(15))


async def do_job_well(world: World) -> str | None:
    return await _report_on_job(world, lies=False)


async def _report_on_job(world: World, *, lies: bool) -> str | None:
    picked = await _locked_job(world)
    if picked is None:
        return None
    instance, job = picked
    element = world.graph(instance).elements[job.element]
    completion = answer(world, job.type, element, lies=lies)
    command = CompleteJob(worker_id=WORKER, completion=completion, process_variables=_variables(world))
    done = await world.send(command, EntityId(instance.partition, job.id))
    return f"job {job.id} {job.type} at {job.element} of {instance.id} completed with {completion}: {_came_of(done)}"


async def fail_job(world: World) -> str | None:
    picked = await _locked_job(world)
    if picked is None:
        return None
    instance, job = picked
    limit = world.chance.randrange(3)
    timer = world.chance.choice(("", "PT10S"))
    command = CompleteJob(worker_id=WORKER, error="it broke", retry_limit=limit, retry_timer=timer)
    done = await world.send(command, EntityId(instance.partition, job.id))
    return f"job {job.id} at {job.element} of {instance.id} failed, {limit} retries: {_came_of(done)}"


async def _locked_job(world: World) -> tuple[Instance, Job] | None:
    """Lock a due job, if there is one; now and then another worker's report comes first, or it is given back."""
    due = world.due("jobs")
    if not due:
        return None
    stream, job = world.chance.choice(due)
    identity = instance_of(stream)
    instance: Instance = world.log.states[stream]
    if world.happens(2):
        await world.send(CompleteJob(worker_id="liar"), EntityId(identity.partition, job.id))
    if not job.locked_by:
        await world.send(LockJobsOf(identity, (job.id,), world.chance.choice(("", "PT1M"))))
    if world.happens(3):
        return None
    if world.happens(3):
        await world.send(UnlockJobsOf(identity, (job.id,)))
        return None
    return instance, job


async def expire_locks(world: World) -> str | None:
    """Take jobs from a worker that has not reported in time."""
    now = world.clock.now()
    expired = [(stream, job) for stream, job in world.due("jobs") if (job.lock_expires_at or now) < now]
    if not expired:
        return None
    stream, job = world.chance.choice(expired)
    await world.send(ExpireLocksOf(instance_of(stream), (job.id,)), by=ENGINE)
    return f"lock of job {job.id} in {stream} expired"


async def run_task(world: World) -> str | None:
    """Have the engine run a due task."""
    due = world.due("tasks")
    if not due:
        return None
    stream, task = world.chance.choice(due)
    done = await world.send(RunTask(Work(stream, task.id, TENANT), world.chance.randrange(2)), by=ENGINE)
    return f"task {task.id} {task.type} at {task.element or 'no element'} in {stream} run: {_came_of(done)}"


async def let_time_pass(world: World) -> str | None:
    """Let time pass: a little, or until something is due."""
    due_at = world.next_due()
    if due_at is not None and world.happens(70):
        world.clock.move_to(due_at)
    else:
        world.clock.move(world.chance.choice((timedelta(seconds=5), timedelta(minutes=3), timedelta(hours=2))))
    return f"it is {world.clock.now():%d %H:%M:%S}"


async def send_message(world: World) -> str | None:
    starting = tuple(start_name(process.id) for process in world.model.processes)
    command = SendMessage(
        correlation_key=world.chance.choice(KEYS),
        name=world.chance.choice((*MESSAGES, *MESSAGES, *starting)),
        worker_id=WORKER,
        expiration_timer=Timer(time_duration="PT10M") if world.happens(60) else None,
        unique_key=world.chance.choice(("", "", "u1", "u2")),
        variables=_variables(world),
    )
    sent = await world.send(command)
    return f"message {command.name} for {command.correlation_key} {command.unique_key}: {_came_of(sent)}"


async def send_signal(world: World) -> str | None:
    starting = tuple(start_name(process.id) for process in world.model.processes)
    name = world.chance.choice((*SIGNALS, *SIGNALS, *SIGNALS, *starting))
    sent = await world.send(SendSignal(name, WORKER, _variables(world)))
    return f"signal {name}: {_came_of(sent)}"


async def update_user_task(world: World) -> str | None:
    """Tag, complete or fail a user task, now and then in a revision that it is not in."""
    picked = _user_task(world)
    if picked is None:
        return None
    instance, user_task = picked
    chosen = world.chance.randrange(8)
    command = UpdateUserTask(
        revision=user_task.revision + (1 if chosen == 0 else 0),
        worker_id=WORKER,
        completed=chosen > 3,
        error_code=world.chance.choice(ERROR_CODES) if chosen == 1 else "",
        escalation_code=world.chance.choice(ESCALATION_CODES) if chosen == 2 else "",
        tags=(Tag("by", "hand"),),
        process_variables=_variables(world),
    )
    done = await world.send(command, EntityId(instance.partition, user_task.id))
    return f"user task {user_task.id} at {user_task.element} of {instance.id} updated ({chosen}): {_came_of(done)}"


async def complete_user_task(world: World) -> str | None:
    picked = _user_task(world)
    if picked is None:
        return None
    instance, user_task = picked
    command = UpdateUserTask(revision=user_task.revision, worker_id=WORKER, completed=True)
    done = await world.send(command, EntityId(instance.partition, user_task.id))
    return f"user task {user_task.id} at {user_task.element} of {instance.id} completed: {_came_of(done)}"


def _user_task(world: World) -> tuple[Instance, Any] | None:
    open_ones = [(instance, task) for instance in world.living() for task in instance.user_tasks.values()]
    return world.chance.choice(open_ones) if open_ones else None


async def suspend(world: World) -> str | None:
    instance = _instance(world)
    if instance is None:
        return None
    done = await world.send(SuspendProcessInstance(WORKER), instance.identity)
    return f"instance {instance.id} suspended: {_came_of(done)}"


async def resume(world: World) -> str | None:
    halted = [instance for instance in world.living() if instance.state == "SUSPENDED"]
    if not halted:
        return None
    identity = world.chance.choice(halted).identity
    return f"instance {identity.id} resumed: {_came_of(await world.send(ResumeProcessInstance(WORKER), identity))}"


async def cancel(world: World) -> str | None:
    instance = _instance(world)
    if instance is None:
        return None
    done = await world.send(CancelProcessInstance(WORKER), instance.identity)
    return f"instance {instance.id} canceled: {_came_of(done)}"


async def set_variables(world: World) -> str | None:
    instance = _instance(world)
    if instance is None:
        return None
    if not instance.elements or world.happens(50):
        done = await world.send(SetProcessVariables(WORKER, _variables(world)), instance.identity)
        return f"variables of instance {instance.id} set: {_came_of(done)}"
    element = world.chance.choice(list(instance.elements))
    variable = ElementVariable("v", Data("text", value="1") if world.happens(70) else None)
    done = await world.send(SetElementVariables(WORKER, (variable,)), EntityId(instance.partition, element))
    return f"variables of element instance {element} set: {_came_of(done)}"


async def resolve(world: World) -> str | None:
    unresolved = world.log.incidents()
    if not unresolved:
        return None
    incident = world.chance.choice(unresolved)
    command = ResolveIncident(WORKER, world.chance.choice(("", "", "PT10S")))
    return f"incident {incident} resolved: {_came_of(await world.send(command, incident))}"


async def start_instance(world: World) -> str | None:
    """Start an instance of any of the processes, mostly of the one that nobody calls."""
    processes = world.model.processes
    process = processes[-1] if world.happens(70) else world.chance.choice(processes)
    versions = len(world.log.streams[process_stream(TENANT, process.id)])
    version = str(world.chance.randint(1, versions))
    started = await world.send(StartProcessInstance(process.id, version, WORKER, variables=_variables(world)))
    return f"{process.id} started: {_came_of(started)}"


async def deploy_again(world: World) -> str | None:
    """Deploy the same model as a new version, with another number of instances that may run at once."""
    process = world.chance.choice(world.model.processes)
    version = str(len(world.log.streams[process_stream(TENANT, process.id)]) + 1)
    parallelism = world.chance.choice((0, 1, 2, 3))
    deployed = await world.deploy(process._replace(parallelism=parallelism), version)
    return f"{process.id} deployed in version {version} with parallelism {parallelism}: {_came_of(deployed)}"


def _instance(world: World) -> Instance | None:
    living = world.living()
    return world.chance.choice(living) if living else None


def _variables(world: World) -> tuple[ProcessVariable, ...]:
    if world.happens(80):
        return ()
    data = Data("text", value=str(world.chance.randrange(10))) if world.happens(80) else None
    return (ProcessVariable(world.chance.choice(("a", "b")), data),)


def _came_of(answer_: Any) -> str:
    """Tell what an answer comes to, in few words."""
    state = getattr(answer_, "state", "")
    error = getattr(answer_, "error", "")
    return str(answer_) if isinstance(answer_, Exception) else f"{state} {error}".strip() or "done"


ACTIONS: Mapping[Act, Moment] = {
    complete_job: Moment(30),
    do_job_well: Moment(0, 40),
    fail_job: Moment(3),
    expire_locks: Moment(2, 2),
    run_task: Moment(25, 40),
    let_time_pass: Moment(6, 8),
    send_message: Moment(6, 6),
    send_signal: Moment(4, 3),
    update_user_task: Moment(10),
    complete_user_task: Moment(0, 15),
    suspend: Moment(2),
    resume: Moment(4, 10),
    cancel: Moment(1),
    set_variables: Moment(2),
    resolve: Moment(4, 10),
    start_instance: Moment(2),
    deploy_again: Moment(1),
}


async def act(world: World, *, helpful: bool) -> str:
    """Do one thing that there is something to do to."""
    actions: Sequence[Act] = list(ACTIONS)
    weights = [moment.helpful if helpful else moment.wild for moment in ACTIONS.values()]
    while True:
        told = await world.chance.choices(actions, weights)[0](world)
        if told is not None:
            return told
