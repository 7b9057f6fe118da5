"""Walking a path through a model: chance acts, and after every step everything that must hold is looked at."""

import traceback
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from random import Random
from typing import NamedTuple

from domain.bpmn.events import ElementEntered, ElementPassed, EventTriggered
from domain.rejection import Rejection
from tests.models.acting import act, run_task, start_instance
from tests.models.generating import GeneratedModel, generate
from tests.models.judging import astray, faults, message_faults, queue_faults, unexplained, waiting
from tests.models.world import World

#: The most steps of chance, and then the most in which everybody tries to get the instances to their ends.
WILD, HELPFUL = 100, 60

#: Tasks that may come up one after another while no time passes; signals that throw each other never come to rest.
RESTLESS = 300


class Wrong(AssertionError):
    """Something that must hold does not."""


class Walk(NamedTuple):
    """What a path came to.

    ``instances`` counts them by their last state, ``waits`` the element instances that were left by what they wait for,
    ``reached`` how often tokens got to elements of each type. ``wrong`` says what does not hold, if anything.
    """

    facts: int
    instances: Counter[str]
    waits: Counter[str]
    reached: Counter[str]
    refused: Counter[str]
    told: tuple[str, ...]
    wrong: str = ""


async def walk(model_seed: int, path: int) -> Walk:
    """Walk one path through the model of a seed; nothing but the two numbers decides what happens."""
    world = World(generate(model_seed), Random(f"{model_seed}/{path}"))
    wrong = ""
    try:
        await _walk(world)
    except Wrong as error:
        wrong = str(error)
    except Exception:  # noqa: BLE001  (whatever goes wrong in the engine is what this looks for)
        wrong = traceback.format_exc()
    return Walk(
        facts=len(world.log.facts),
        instances=Counter(instance.state.value for instance in world.log.instances()),
        waits=Counter(reason for instance in world.living() for _, reason in waiting(world, instance)),
        reached=reached(world),
        refused=world.refused,
        told=tuple(world.told),
        wrong=wrong,
    )


async def _walk(world: World) -> None:
    await _deploy(world, world.model)
    world.told.append(str(await start_instance(world)))
    look(world)
    wild, helpful = world.chance.randint(10, WILD), world.chance.randint(0, HELPFUL)
    for step in range(wild + helpful):
        world.clock.move(timedelta(seconds=1))
        world.told.append(await act(world, helpful=step >= wild))
        look(world)
    for _ in range(RESTLESS):
        told = await run_task(world)
        if told is None:
            return
        world.told.append(told)
        look(world)


def reached(world: World) -> Counter[str]:
    """Count the elements that tokens got to and the events that happened, by type."""
    types: Counter[str] = Counter()
    for fact in world.log.facts:
        if isinstance(fact.event, ElementEntered | ElementPassed | EventTriggered):
            elements = world.graph(world.log.states[fact.stream]).elements
            types[elements[fact.event.element].type.value] += 1
    return types


async def _deploy(world: World, model: GeneratedModel) -> None:
    for process in model.processes:
        deployed = await world.deploy(process)
        if isinstance(deployed, Rejection):
            raise Wrong(f"{process.id} is refused: {deployed} {list(deployed.causes)}")


def look(world: World) -> None:
    """Raise ``Wrong`` when something does not hold; what waits is looked at whenever no task is due."""
    for stream in sorted(world.log.changed):
        if stream.startswith("instance-"):
            instance = world.log.states[stream]
            _none(f"instance {instance.identity} of {instance.bpmn_process_id}", faults(world, instance))
    world.log.changed.clear()
    if world.due("tasks"):
        return
    for instance in world.living():
        where = f"unclassified: instance {instance.identity} of {instance.bpmn_process_id} {instance.state}"
        _none(where, [*unexplained(world, instance), *astray(world, instance)])
    _none("unclassified: queues", queue_faults(world))
    _none("unclassified: messages", message_faults(world))


def _none(where: str, problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        raise Wrong("\n".join((where, *(f"  {problem}" for problem in found))))
