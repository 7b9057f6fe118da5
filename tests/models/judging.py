"""What must hold after every step, and what every token that goes nowhere has to be able to name."""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from domain.bpmn.events import InstanceState
from domain.bpmn.graph import ElementType, Graph
from domain.bpmn.instance import ElementInstance, Instance
from domain.identity import InstanceId
from tests.models.memory import partition_of
from tests.models.world import World

JOINS = (ElementType.PARALLEL_GATEWAY, ElementType.INCLUSIVE_GATEWAY)
HALTED = (InstanceState.SUSPENDED, InstanceState.QUEUED)

_BY_MESSAGE = (ElementType.MESSAGE_CATCH_EVENT, ElementType.RECEIVE_TASK)
_BY_SIGNAL = (ElementType.SIGNAL_CATCH_EVENT,)
_BY_TIMER = (ElementType.TIMER_CATCH_EVENT,)


def faults(world: World, instance: Instance) -> Iterator[str]:
    """Yield what is wrong with the state of an instance, whatever it waits for."""
    if instance.has_ended:
        yield from _left_behind(world, instance)
        return
    roots = [element.element for element in instance.elements.values() if not element.parent_id]
    if roots != [instance.bpmn_process_id]:
        yield f"its outermost element instances are {roots}"
    yield from _wrong_places(instance)
    yield from _wrong_counts(instance)
    yield from _wrong_receivers(world, instance)


def _left_behind(world: World, instance: Instance) -> Iterator[str]:
    for what in ("elements", "user_tasks", "incidents"):
        left = getattr(instance, what)
        if left:
            yield f"it has ended with {what} {list(left.values())}"
    if instance.state is InstanceState.CANCELED and (instance.jobs or instance.tasks):
        yield "it was canceled, and has open jobs or tasks"
    for stream, task in world.log.stopped_outside():
        if InstanceId(partition_of(stream), task.process_instance_id) == instance.identity:
            yield f"it has ended and an incident about it in {stream} is open"
    for waiting in _subscribed(world, instance):
        yield f"it has ended and element instance {waiting} is still subscribed"


def _wrong_places(instance: Instance) -> Iterator[str]:
    living = instance.elements
    for element in living.values():
        if element.parent_id and element.parent_id not in living:
            yield f"{_name(element)} lives in scope {element.parent_id}, which has ended"
        if element.attached_to and element.attached_to not in living:
            yield f"{_name(element)} is attached to {element.attached_to}, which has ended"
    for user_task in instance.user_tasks.values():
        if user_task.element_instance_id not in living:
            yield f"user task {user_task.id} is of an element instance that has ended"
    for scope in instance.variables:
        if scope and scope not in living and instance.variables[scope]:
            yield f"there are variables of element instance {scope}, which has ended"


def _wrong_counts(instance: Instance) -> Iterator[str]:
    inside = Counter(e.parent_id for e in instance.elements.values() if e.attached_to != e.parent_id)
    for element in instance.elements.values():
        if element.children != inside[element.id]:
            yield f"{_name(element)} counts {element.children} children, but {inside[element.id]} live in it"


def _wrong_receivers(world: World, instance: Instance) -> Iterator[str]:
    """Compare who is subscribed with who waits; an event whose task is still to run waits for that."""
    subscribed = _subscribed(world, instance)
    triggered = world.pending_at(instance)
    expected = {
        element.id: (definition.message_name, element.correlation_key)
        if definition.message_name
        else (definition.signal_name, "")
        for element in instance.elements.values()
        if (definition := element.definition) is not None
        and _waits(world.graph(instance), element)
        and (definition.message_name or definition.signal_name)
    }
    for waiting, what in subscribed.items():
        if expected.get(waiting) != what:
            yield f"element instance {waiting} is subscribed to {what}, but waits for {expected.get(waiting)}"
    for waiting, what in expected.items():
        if waiting not in subscribed and waiting not in triggered and instance.state not in HALTED:
            yield f"{_name(instance.elements[waiting])} waits for {what}, but is not subscribed"


def _subscribed(world: World, instance: Instance) -> dict[int, tuple[str, str]]:
    """Return what the element instances of an instance are subscribed to: a name, and a key for messages."""
    by_message = {
        event.element_instance_id: (event.name, event.correlation_key)
        for event in world.log.message_subscriptions.values()
        if (event.partition, event.process_instance_id) == (instance.partition.isoformat(), instance.id)
    }
    by_signal = {
        event.element_instance_id: (event.name, "")
        for stream, event in world.log.signal_subscriptions.values()
        if stream == instance.identity.stream
    }
    return {**by_message, **by_signal}


def _waits(graph: Graph, element: ElementInstance) -> bool:
    """Tell whether an element instance waits for what its definition names: it may be about to throw that."""
    kind = graph.elements[element.element].type
    return bool(element.attached_to) or kind in (*_BY_MESSAGE, *_BY_SIGNAL, *_BY_TIMER)


def waiting(world: World, instance: Instance) -> Iterator[tuple[ElementInstance, str]]:
    """Yield each element instance with what it waits for, in one word or two, and without a word where there is none.

    The engine has no due task left when this is asked.
    """
    joins = []
    explained = []
    for element in instance.elements.values():
        waits_at_join = world.graph(instance).elements[element.element].type in JOINS
        reason = next((name for name, holds in _reasons(world, instance, element) if holds), "")
        if reason:
            explained.append(element)
            yield element, reason
        elif waits_at_join and element.state is InstanceState.STARTED:
            joins.append(element)
        else:
            yield element, ""
    unjoined = _unjoined(world.graph(instance), joins, explained)
    for element in joins:
        yield element, "" if element in unjoined else "tokens to join"


def unexplained(world: World, instance: Instance) -> Iterator[str]:
    """Yield the element instances that wait for nothing that can be named."""
    for element, reason in waiting(world, instance):
        if not reason:
            yield f"{_name(element)} in state {element.state} waits for nothing that can still come"


def _reasons(world: World, instance: Instance, element: ElementInstance) -> Iterator[tuple[str, bool]]:
    """Yield for each thing that an element instance can wait for whether it does."""
    attached = instance.attached_to(element.id)
    kind = world.graph(instance).elements[element.element].type
    yield "what is inside", element.children > 0
    yield "its turn", element.state is InstanceState.QUEUED
    yield "being resumed", element.state is InstanceState.SUSPENDED
    yield "a job", any(job.element_instance_id == element.id for job in instance.jobs.values())
    yield "an incident", any(stopped.element_instance_id == element.id for stopped in instance.incidents.values())
    yield "a user task", any(task.element_instance_id == element.id for task in instance.user_tasks.values())
    yield "a task of the engine", element.id in world.pending_at(instance)
    yield "a message or signal", element.id in _subscribed(world, instance)
    yield "its events", element.state is InstanceState.CREATED and _is_still_armed(world, instance, attached)
    yield "its branches", kind is ElementType.EVENT_BASED_GATEWAY and bool(attached)
    yield "a throw", _is_armed_for_a_throw(element)
    yield "being resumed", kind is ElementType.INCLUSIVE_GATEWAY and instance.state is InstanceState.SUSPENDED
    yield "a called process", element.called != 0 and world.is_living(instance, element.called)


def _is_still_armed(world: World, instance: Instance, attached: list[ElementInstance]) -> bool:
    """Tell whether one of these events is asked for, or has been met by a message whose task is still to be done."""
    pending = world.pending_at(instance)
    return any(
        event.definition is None or (event.definition.message_name != "" and event.id in pending) for event in attached
    )


def _is_armed_for_a_throw(element: ElementInstance) -> bool:
    """Tell whether this event catches errors or escalations: nothing has to happen to it."""
    definition = element.definition
    if not element.attached_to or definition is None:
        return False
    return not (definition.message_name or definition.signal_name or definition.timer)


def _unjoined(graph: Graph, joins: list[ElementInstance], explained: list[ElementInstance]) -> list[ElementInstance]:
    """Return the tokens at joins that no other token can ever bring on, be it through other joins."""
    waiting = joins
    while waiting:
        hopeful = [join for join in waiting if _can_join(graph, join, joins, explained)]
        if not hopeful:
            break
        explained = explained + hopeful
        waiting = [join for join in waiting if join not in hopeful]
    return waiting


def _can_join(
    graph: Graph, join: ElementInstance, joins: list[ElementInstance], explained: list[ElementInstance]
) -> bool:
    """Tell whether tokens that are under way can reach every source that a parallel join lacks one from.

    A token that can end the whole scope is an answer too. An inclusive join waits as long as any token can reach it.
    """
    element = graph.elements[join.element]
    inside = [other for other in explained if other.parent_id == join.parent_id and other.element != join.element]
    halted = [other for other in explained if (other.element, other.parent_id) == (join.element, join.parent_id)]
    if element.type is ElementType.INCLUSIVE_GATEWAY:
        return bool(halted) or any(join.element in _reachable(graph, other.element) for other in inside)
    beside = [other for other in joins if (other.element, other.parent_id) == (join.element, join.parent_id)]
    there = Counter(other.from_element for other in (*beside, *halted))
    needed = Counter(flow.source for flow in element.incoming)
    missing = [source for source, number in needed.items() if there[source] < number]
    ahead = [_reachable(graph, other.element) for other in inside]
    ends_all = any(graph.elements[name].type is ElementType.TERMINATE_END_EVENT for names in ahead for name in names)
    return bool(halted) or (
        bool(missing) and (ends_all or all(any(source in names for names in ahead) for source in missing))
    )


@lru_cache(maxsize=4096)
def _reachable(graph: Graph, start: str) -> frozenset[str]:
    """Return the elements of the scope that a token at this element may get to, this one included."""
    met = [start]
    seen = {start}
    for name in met:  # grows while it is walked
        element = graph.elements[name]
        following = [flow.target for flow in element.outgoing]
        following += [event.bpmn_id for event in graph.boundary_events.get(name, ())]
        if element.type is ElementType.LINK_THROW_EVENT:
            following.append(graph.link_catches[element.parent, element.link].bpmn_id)
        met.extend(target for target in dict.fromkeys(following) if target not in seen)
        seen.update(following)
    return frozenset(seen)


def astray(world: World, instance: Instance) -> Iterator[str]:
    """Yield what is wrong with an instance that was called: its caller has to wait for it; no task is due."""
    if not instance.parent_id or world.log.stopped_outside():
        return
    caller = world.log.states[InstanceId(instance.partition, instance.parent_id).stream]
    calling = caller.elements.get(instance.caller_id)
    if calling is None:
        yield "it lives, though the call activity that called it has ended"
    elif calling.called != instance.id:
        yield f"its call activity waits for instance {calling.called}"


def queue_faults(world: World) -> Iterator[str]:
    """Yield what is wrong with queues: who has a place or waits for one, and free places; no task is due."""
    outside = (*world.log.outside_tasks(), *world.log.stopped_outside())
    begun = {str(InstanceId(partition_of(stream), task.process_instance_id)) for stream, task in outside}
    for stream, queue in world.log.queues():
        process_id = stream.rpartition("-")[2]
        states = {str(i.identity): i.state for i in world.living() if i.bpmn_process_id == process_id and i.limited}
        queued = {name for name, state in states.items() if state is InstanceState.QUEUED} - begun
        if set(queue.waiting) != queued or not set(queue.active) >= states.keys() - queued:
            yield f"{stream} has {list(queue.active)} active and {list(queue.waiting)} waiting, but {states}"
        if queue.waiting and queue.has_place and not world.log.stopped_outside():
            yield f"{stream} has a free place, and {list(queue.waiting)} waiting"


def message_faults(world: World) -> Iterator[str]:
    """Yield messages that did not meet who waits for them, or that stay open for nobody; no task is due."""
    outside = (*world.log.outside_tasks(), *world.log.stopped_outside())
    held = {task.message_id for _, task in outside} | {instance.message_id for instance in world.living()}
    for channel in world.log.channels():
        kept = channel.buffered(world.clock.now())
        if kept is not None and channel.subscriptions:
            yield f"message {kept.sent.id} is kept, though {list(channel.subscriptions.values())} wait for it"
        for message in channel.messages.values():
            if message.correlated and message.sent.id not in held:
                yield f"message {message.sent.id} has met its receiver and is still open"
    for message_id, times in world.log.correlations.items():
        if times > 1:
            yield f"message {message_id} met {times} receivers"


def _name(element: ElementInstance) -> str:
    return f"element instance {element.id} of {element.element}"
