"""The history of a process instance: its facts with who caused them, and the state after each (docs/replay.md)."""

from api.engine.bodies import InstanceHistory
from api.engine.parameters import Stretch
from api.engine.ports import Engine
from api.histories import history_fact
from domain.identity import InstanceId
from domain.rejection import InvalidInput, NotFound

TITLE = "failed to get process instance history"

#: Bytes of facts and states after which a page ends: an instance may have a state as large as its items are.
MOST_BYTES = 1_000_000


async def history_of(engine: Engine, tenant: str, instance: InstanceId, asked: Stretch) -> InstanceHistory:
    """Return a page of an instance's history; raise ``NotFound`` unless it is this tenant's."""
    if await engine.replays.tenant_of(instance.stream) != tenant:
        raise NotFound(TITLE, f"process instance {instance} could not be found")
    page = await engine.replays.page(instance.stream, asked.after, asked.limit, MOST_BYTES)
    if page.reached < asked.after:
        raise InvalidInput(TITLE, f"version {asked.after} is beyond the end of the history")
    causes = await engine.causes.of([step.fact for step in page.steps])
    history = [history_fact(step, causes.get(step.fact.position)) for step in page.steps]
    return InstanceHistory(len(history), history, page.reached if page.more else None)
