"""What read models say of entities that may have ended, caught up with the log (``infra.lookups.History``)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog

from commands.context import Value
from commands.intents import EntityId
from commands.turns import associated_data
from domain.identity import InstanceId
from domain.rejection import InvalidInput
from infra.reading import Reading
from projections.criteria import ElementInstanceCriteria, IncidentCriteria, JobCriteria, Page, UserTaskCriteria
from projections.database import Database
from projections.element_instances.queries import find_element_instances
from projections.incidents.queries import find_incidents
from projections.jobs.queries import find_jobs
from projections.process_instances.queries import running_instances
from projections.user_tasks.queries import find_user_tasks
from projections.variables.queries import StoredVariable, values_of

ONE = Page(limit=1)

log = structlog.get_logger(__name__)


class Now(Protocol):
    """Engine time."""

    def now(self) -> datetime: ...


class Cipher(Protocol):
    """Decryption of variables; raises ``InvalidInput`` where no key opens one."""

    def decrypt(self, text: str, associated_data: str) -> str: ...


class ReadModelHistory:
    """Asks the read models of jobs, user tasks, incidents, element instances, process instances and variables."""

    def __init__(self, reading: Reading, database: Database, clock: Now, cipher: Cipher) -> None:
        self._reading = reading
        self._database = database
        self._clock = clock
        self._cipher = cipher

    async def had_job(self, tenant: str, job: EntityId) -> bool:
        await self._reading.caught_up(("jobs",))
        criteria = JobCriteria(partition=job.partition, id=job.id)
        return bool(await find_jobs(self._database, tenant, criteria, ONE, self._clock.now()))

    async def ended_user_task(self, tenant: str, user_task: EntityId) -> str | None:
        await self._reading.caught_up(("user_tasks",))
        criteria = UserTaskCriteria(partition=user_task.partition, id=user_task.id)
        rows = await find_user_tasks(self._database, tenant, criteria, ONE)
        return rows[0].state.value if rows else None

    async def had_incident(self, tenant: str, incident: EntityId) -> bool:
        await self._reading.caught_up(("incidents",))
        criteria = IncidentCriteria(partition=incident.partition, id=incident.id)
        return bool(await find_incidents(self._database, tenant, criteria, ONE))

    async def element_instance(self, tenant: str, element_instance: EntityId) -> InstanceId | None:
        await self._reading.caught_up(("element_instances",))
        criteria = ElementInstanceCriteria(partition=element_instance.partition, id=element_instance.id)
        rows = await find_element_instances(self._database, tenant, criteria, ONE)
        return InstanceId(element_instance.partition, rows[0].process_instance_id) if rows else None

    async def running_instances(self, tenant: str, process_ids: Sequence[int]) -> Sequence[InstanceId]:
        await self._reading.caught_up(("process_instances",))
        return await running_instances(self._database, tenant, process_ids)

    async def values(self, tenant: str, instance: InstanceId) -> dict[tuple[int, str], Value]:
        """Return the values of an instance's variables by scope and name, without those that no key opens."""
        await self._reading.caught_up(("variables",))
        stored = await values_of(self._database, tenant, instance)
        opened = ((variable, self._opened(tenant, instance, variable)) for variable in stored)
        return {
            (variable.scope, variable.name): Value(variable.encoding, value)
            for variable, value in opened
            if value is not None
        }

    def _opened(self, tenant: str, instance: InstanceId, variable: StoredVariable) -> str | None:
        if not variable.encrypted:
            return variable.value
        place = associated_data(tenant, instance, variable.scope, variable.name, variable.sealed_for)
        try:
            return self._cipher.decrypt(variable.value, place)
        except InvalidInput as error:
            log.warning("a variable is left out", instance=str(instance), name=variable.name, error=error.detail)
            return None
