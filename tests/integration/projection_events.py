"""Moves of random histories: events that are armed and fire, messages, signals, user tasks, and tasks from outside."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from msgspec import structs

from domain.bpmn.events import (
    ElementCompleted,
    ElementEntered,
    ElementPassed,
    ElementStarted,
    ElementTerminated,
    EventDefined,
    EventTriggered,
    InstanceState,
    SignalSubscribed,
    SignalUnsubscribed,
    TaskCanceled,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskLocked,
    TaskType,
    TaskUnlocked,
    UserTaskCompleted,
    UserTaskCreated,
    UserTaskTerminated,
    UserTaskUpdated,
)
from domain.bpmn.graph import EventDefinition, Timer
from domain.event import Event
from domain.identity import channel_stream, incident_stream, signal_stream, task_stream
from domain.incidents.events import IncidentOpened, ProcessCause
from domain.messaging.events import (
    MessageClosed,
    MessageCorrelated,
    MessageSent,
    MessageSubscribed,
    MessageUnsubscribed,
    SignalSent,
)
from tests.integration.projection_runs import HOURLY, TAGS, Channel, Chronicle, Run

MESSAGES = ("paid", "shipped")
SIGNALS = ("closed", "opened")
CORRELATION_KEYS = ("k-1", "k-2")

#: Numbers that count for ever outgrow 32 bits.
MANY = 5_000_000_000


def arm(log: Chronicle, run: Run) -> None:
    """Arm an event beside what runs; sometimes what it waits for is said, too."""
    name = log.chance.choice(("late", "failed", "wait", "handler"))
    number, version = log.fresh(run), run.version
    place = (number, version.id, version.elements[name], name, log.scope(run))
    log.say(run, ElementEntered(*place, state=InstanceState.CREATED, attached_to=run.root))
    if name == "late":
        log.say(run, EventDefined(number, EventDefinition(timer=Timer(duration="PT1H"))))
    run.armed[number] = name


def fire(log: Chronicle, run: Run) -> None:
    """Let an armed event happen, begin without happening, or end before it happens."""
    if not run.armed:
        return
    number = log.chance.choice(list(run.armed))
    name = run.armed.pop(number)
    if log.chance.random() < 0.2:
        log.say(run, ElementTerminated(number))
    elif name == "handler":
        _begin_handler(log, run, number)
    else:
        if log.chance.random() < 0.2:
            log.say(run, ElementStarted(number, run.version.id, name))
        error = "E" if name == "failed" else None
        place = (number, run.version.id, run.version.elements[name], name)
        log.say(run, EventTriggered(*place, timer=name == "late", error_code=error))
        log.say(run, ElementCompleted(number))


def _begin_handler(log: Chronicle, run: Run, number: int) -> None:
    """Let an error begin an event sub-process: its start event is triggered, by the number of what was armed."""
    version = run.version
    log.say(run, EventTriggered(number, version.id, version.elements["broken"], "broken", error_code="E"))
    log.say(run, ElementStarted(number, version.id, "handler"))
    log.say(run, ElementPassed(log.fresh(run), version.id, version.elements["broken"], "broken", number))
    run.open[number] = "handler"


def catch(log: Chronicle, run: Run) -> None:
    """Reach an event that is not armed beside something: it has begun before it happens."""
    number, version = log.fresh(run), run.version
    element = version.elements["wait"]
    log.say(run, ElementEntered(number, version.id, element, "wait", log.scope(run)))
    log.say(run, EventTriggered(number, version.id, element, "wait", signal_id=7))
    log.say(run, ElementCompleted(number))


def subscribe_signal(log: Chronicle, run: Run) -> None:
    number, name = MANY + log.number("signal_subscription"), log.chance.choice(SIGNALS)
    element = run.version.elements["wait"]
    log.say(run, SignalSubscribed(number, run.version.id, element, "wait", run.root, name))
    run.signals[number] = name


def unsubscribe_signal(log: Chronicle, run: Run) -> None:
    if run.signals:
        number = log.chance.choice(list(run.signals))
        del run.signals[number]
        log.say(run, SignalUnsubscribed(number))


def send_signal(log: Chronicle, run: Run) -> None:
    """Send a signal to all of a tenant that wait for it."""
    name, tenant = log.chance.choice(SIGNALS), run.version.tenant
    met = []
    for other in log.runs:
        if other.version.tenant == tenant:
            met += [number for number, awaited in other.signals.items() if awaited == name]
            other.signals = {number: awaited for number, awaited in other.signals.items() if awaited != name}
    number = MANY + log.number("signal")
    log.record(signal_stream(number), tenant, SignalSent(number, name, len(met) + 1, tuple(met)))


def message(log: Chronicle, run: Run) -> None:
    """Do one of the things that happen in a channel."""
    name, key = log.chance.choice(MESSAGES), log.chance.choice(CORRELATION_KEYS)
    tenant = run.version.tenant
    stream = channel_stream(tenant, name, key)
    channel = log.channels.setdefault(stream, Channel())
    what = log.chance.choice(("send", "send", "subscribe", "subscribe", "meet", "meet", "close", "leave"))
    for event in CHANNEL_MOVES[what](log, run, channel, (name, key)):
        log.record(stream, tenant, event)


def _send(log: Chronicle, _run: Run, channel: Channel, what: tuple[str, str]) -> list[Event]:
    number = MANY + log.number("message")
    expires_at = log.now + timedelta(seconds=log.chance.choice((0, 60, 100_000)))
    channel.buffered.append(number)
    return [MessageSent(number, *what, expires_at, log.chance.choice(("", "once")))]


def _subscribe(log: Chronicle, run: Run, channel: Channel, what: tuple[str, str]) -> list[Event]:
    number, version = MANY + log.number("message_subscription"), run.version
    instance = (run.instance.partition.isoformat(), run.instance.id, run.root)
    channel.waiting.append(number)
    return [MessageSubscribed(number, *instance, version.id, version.elements["wait"], "wait", *what)]


def _meet(_log: Chronicle, _run: Run, channel: Channel, _what: tuple[str, str]) -> list[Event]:
    """Let a message meet who waits or, when nobody does, a start event."""
    if not channel.buffered:
        return []
    number = channel.buffered.pop(0)
    channel.met.append(number)
    return [MessageCorrelated(number, channel.waiting.pop(0) if channel.waiting else 0)]


def _close(_log: Chronicle, _run: Run, channel: Channel, _what: tuple[str, str]) -> list[Event]:
    return [MessageClosed(channel.met.pop(0))] if channel.met else []


def _leave(_log: Chronicle, _run: Run, channel: Channel, _what: tuple[str, str]) -> list[Event]:
    return [MessageUnsubscribed(channel.waiting.pop())] if channel.waiting else []


CHANNEL_MOVES: dict[str, Callable[[Chronicle, Run, Channel, tuple[str, str]], list[Event]]] = {
    "send": _send,
    "subscribe": _subscribe,
    "meet": _meet,
    "close": _close,
    "leave": _leave,
}


def user_task(log: Chronicle, run: Run) -> None:
    """Make a user task, or change or end one."""
    if not run.user_tasks or log.chance.random() < 0.3:
        number, version = log.number("user_task", run.instance.partition), run.version
        log.say(run, UserTaskCreated(number, version.id, version.elements["review"], "review", run.root, "k-1"))
        run.user_tasks[number] = 1
        return
    number = log.chance.choice(list(run.user_tasks))
    what = log.chance.choice(("update", "update", "update", "complete", "terminate"))
    if what == "update":
        run.user_tasks[number] += 1
        log.say(run, UserTaskUpdated(number, run.user_tasks[number], log.chance.choice(TAGS)))
        return
    revision = run.user_tasks.pop(number) + 1
    done = UserTaskCompleted(number, revision, log.chance.choice(TAGS))
    log.say(run, done if what == "complete" else UserTaskTerminated(number))


def task_from_outside(log: Chronicle, run: Run) -> None:
    """Let a task in a stream of its own live: it may know an instance, or is there to start one."""
    version, template = run.version, log.chance.choice(OUTSIDE)
    knows = log.chance.random() < 0.5
    day = run.instance.partition if knows else log.now.date()
    number, tenant = log.number("task", day), version.tenant
    stream, instance = task_stream(day, number), run.instance.id if knows else 0
    created = structs.replace(template, id=number, process_id=version.id, due_at=log.now, process_instance_id=instance)
    log.record(stream, tenant, created)
    if log.chance.random() < 0.7:
        log.record(stream, tenant, TaskLocked(number))
        log.tick()
    end = log.chance.choice(("done", "unlocked", "again", "broken", "canceled", "left"))
    if end == "broken":
        incident, ulid = log.number("incident", day), f"{log.chance.randrange(10**12):026d}"
        log.record(stream, tenant, TaskFailed(number, "it broke", incident, ulid))
        what = ProcessCause(day.isoformat(), incident, "failedTask", version.id, version.key, version.version, instance)
        cause = structs.replace(what, task_id=number, own_stream=True)
        log.record(incident_stream(ulid), tenant, IncidentOpened("process", 2, "It failed", "it broke", cause))
    elif end in ENDS:
        log.record(stream, tenant, ENDS[end](number))


SOON = datetime(2026, 11, 20, tzinfo=UTC)

OUTSIDE = (
    TaskCreated(0, TaskType.TRIGGER_EVENT, 0, SOON, timer=HOURLY),
    TaskCreated(0, TaskType.TRIGGER_EVENT, 0, SOON, timer=Timer(duration="PT5M"), message_id=MANY),
    TaskCreated(0, TaskType.TRIGGER_EVENT, 0, SOON, bpmn_process_id="order", version="1", message_id=3),
    TaskCreated(0, TaskType.TRIGGER_EVENT, 0, SOON, signal_id=4),
    TaskCreated(0, TaskType.START_PROCESS_INSTANCE, 0, SOON, bpmn_process_id="order"),
    TaskCreated(0, TaskType.DEQUEUE_PROCESS_INSTANCE, 0, SOON, bpmn_process_id="order"),
)

ENDS: dict[str, Callable[[int], Event]] = {
    "done": lambda number: TaskCompleted(number, 9),
    "unlocked": TaskUnlocked,
    "again": lambda number: TaskFailed(number, "again"),
    "canceled": TaskCanceled,
}

EVENT_MOVES: tuple[Callable[[Chronicle, Run], None], ...] = (
    *(arm,) * 2,
    *(fire,) * 3,
    catch,
    *(subscribe_signal,) * 5,
    unsubscribe_signal,
    send_signal,
    *(message,) * 4,
    *(user_task,) * 2,
    *(task_from_outside,) * 2,
)
