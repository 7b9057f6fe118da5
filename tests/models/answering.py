"""What a random worker answers to a job: mostly what its type asks for, sometimes nothing, sometimes a lie."""

from collections.abc import Callable, Mapping
from random import Random

from commands.intents import Data, Timer
from commands.jobs import CalledProcess, JobCompletion
from domain.bpmn.events import JobType
from domain.bpmn.graph import Element
from tests.models.defining import TIMERS
from tests.models.world import World, timer_intent
from tests.models.writing import ERROR_CODES, ESCALATION_CODES, MESSAGES, SIGNALS

KEYS = ("k1", "k2")
UNKNOWN = "nobody-knows-this"


def answer(world: World, job_type: JobType, element: Element, *, lies: bool) -> JobCompletion | None:
    """Answer a job at an element; None is a completion that says nothing."""
    if lies:
        return world.chance.choice((None, JobCompletion(), _lie(world.chance)))
    return _ANSWERS[job_type](world, element)


def _lie(chance: Random) -> JobCompletion:
    return chance.choice(
        (
            JobCompletion(exclusive_gateway_decision=UNKNOWN),
            JobCompletion(inclusive_gateway_decision=(UNKNOWN, UNKNOWN)),
            JobCompletion(error_code=UNKNOWN),
            JobCompletion(escalation_code=UNKNOWN),
            JobCompletion(error_code="E1", escalation_code="X1"),
            JobCompletion(called_process=CalledProcess(UNKNOWN, "1")),
            JobCompletion(timer=Timer(time_cycle="0 0 30 2 *")),
            JobCompletion(loop_cardinality=-1),
            JobCompletion(loop_cardinality=2_000_000_000),
        )
    )


def _execute(world: World, _element: Element) -> JobCompletion | None:
    """Do the work, or throw an error or escalation that may be caught somewhere."""
    chosen = world.chance.randrange(10)
    if chosen == 0:
        return JobCompletion(error_code=world.chance.choice(ERROR_CODES))
    if chosen == 1:
        return JobCompletion(escalation_code=world.chance.choice(ESCALATION_CODES))
    return None


def _decide(world: World, element: Element) -> JobCompletion | None:
    if element.default and world.happens(20):
        return None
    return JobCompletion(exclusive_gateway_decision=world.chance.choice(element.outgoing).target)


def _decide_inclusive(world: World, element: Element) -> JobCompletion:
    flows = [flow for flow in element.outgoing if flow.id != element.default]
    chosen = world.chance.sample(flows, world.chance.randint(min(1, len(flows)), len(flows)))
    return JobCompletion(inclusive_gateway_decision=tuple(dict.fromkeys(flow.target for flow in chosen)))


def _call(world: World, element: Element) -> JobCompletion | None:
    """Name a process that was deployed before the calling one, unless the model does."""
    if element.called and world.happens(70):
        return None
    ids = [process.id for process in world.model.processes]
    callees = ids[: ids.index(element.parent)] if element.parent in ids else ids[:1]
    return JobCompletion(called_process=CalledProcess(world.chance.choice(callees or ids[:1]), "1"))


def _subscribe_message(world: World, _element: Element) -> JobCompletion:
    name = world.chance.choice(MESSAGES)
    return JobCompletion(message_name=name, message_correlation_key=world.chance.choice(KEYS))


def _multi_instance(world: World, _element: Element) -> JobCompletion:
    number = world.chance.randrange(4)
    if number and world.happens(50):
        return JobCompletion(loop_items=tuple(Data("text", value=f"item {n}") for n in range(number)))
    return JobCompletion(loop_cardinality=number)


_ANSWERS: Mapping[JobType, Callable[[World, Element], JobCompletion | None]] = {
    JobType.EXECUTE: _execute,
    JobType.EVALUATE_EXCLUSIVE_GATEWAY: _decide,
    JobType.EVALUATE_INCLUSIVE_GATEWAY: _decide_inclusive,
    JobType.CALL_PROCESS: _call,
    JobType.PASS_VARIABLES: lambda _world, _element: None,
    JobType.SET_ERROR_CODE: lambda world, _: JobCompletion(error_code=world.chance.choice(ERROR_CODES)),
    JobType.SET_ESCALATION_CODE: lambda world, _: JobCompletion(escalation_code=world.chance.choice(ESCALATION_CODES)),
    JobType.SET_MESSAGE_CORRELATION_KEY: lambda world, _: JobCompletion(
        message_correlation_key=world.chance.choice(KEYS)
    ),
    JobType.SET_SIGNAL_NAME: lambda world, _: JobCompletion(signal_name=world.chance.choice(SIGNALS)),
    JobType.SET_TIMER: lambda world, _: JobCompletion(timer=timer_intent(world.chance.choice(TIMERS))),
    JobType.SUBSCRIBE_MESSAGE: _subscribe_message,
    JobType.SUBSCRIBE_SIGNAL: lambda world, _: JobCompletion(signal_name=world.chance.choice(SIGNALS)),
    JobType.SET_MULTI_INSTANCE: _multi_instance,
}
