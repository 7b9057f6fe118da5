"""Walking a path through a model: chance acts, and after every step everything that must hold is looked at."""

import traceback
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from random import Random
from typing import NamedTuple

from domain.rejection import Rejection
from tests.models.acting import act, run_task, start_instance
from tests.models.generating import GeneratedModel, generate
from tests.models.judging import astray, faults, stuck_queues, unexplained
from tests.models.world import World

#: Steps of chance, and then steps in which everybody tries to get the instances to their ends.
WILD, HELPFUL = 50, 50

#: Tasks that may come up one after another while no time passes; signals that throw each other never come to rest.
RESTLESS = 300


class Wrong(AssertionError):
    """Something that must hold does not."""


class Walk(NamedTuple):
    """What a path came to: steps and facts, instances by their last state, refusals, and what was wrong if anything."""

    steps: int
    facts: int
    instances: Counter[str]
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
    ended = Counter(instance.state.value for instance in world.log.instances())
    return Walk(len(world.told), len(world.log.facts), ended, world.refused, tuple(world.told), wrong)


async def _walk(world: World) -> None:
    await _deploy(world, world.model)
    world.told.append(str(await start_instance(world)))
    look(world)
    for step in range(WILD + HELPFUL):
        world.clock.move(timedelta(seconds=1))
        world.told.append(await act(world, helpful=step >= WILD))
        look(world)
    for _ in range(RESTLESS):
        told = await run_task(world)
        if told is None:
            return
        world.told.append(told)
        look(world)


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
    _none("unclassified", stuck_queues(world))


def _none(where: str, problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        raise Wrong("\n".join((where, *(f"  {problem}" for problem in found))))
