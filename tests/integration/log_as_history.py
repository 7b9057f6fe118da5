"""History for commands under test, without followers that would have to run."""

from collections.abc import Sequence

from commands.context import Value
from commands.intents import EntityId
from domain.bpmn.events import VariableDeleted, VariableSet
from domain.identity import InstanceId, instance_of
from infra.codec import decode
from infra.postgres import Pool


class LogAsHistory:
    """History as the log itself tells it: what read models say once they are caught up."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def had_job(self, tenant: str, job: EntityId) -> bool:
        return await self._instance("job.created.v1", tenant, job) is not None

    async def ended_user_task(self, tenant: str, user_task: EntityId) -> str | None:
        """Return the one state that user tasks end in with these tests."""
        ended = await self._instance("user_task.terminated.v1", tenant, user_task)
        return "TERMINATED" if ended is not None else None

    async def had_incident(self, tenant: str, incident: EntityId) -> bool:
        return await self._instance("job.failed.v1", tenant, incident, "incident_id") is not None

    async def element_instance(self, tenant: str, element_instance: EntityId) -> InstanceId | None:
        return await self._instance("element.entered.v1", tenant, element_instance)

    async def running_instances(self, tenant: str, process_ids: Sequence[int]) -> Sequence[InstanceId]:
        """Return those that started and did not complete; nothing ends them otherwise in these tests."""
        streams = await self._pool.fetch(
            "select originator_id from log.events where tenant = $1 and topic = 'process_instance.started.v1'"
            " and (convert_from(state, 'UTF8')::jsonb ->> 'process_id')::integer = any($2::integer[])"
            " except select originator_id from log.events where topic = 'process_instance.completed.v1'",
            tenant,
            process_ids,
        )
        return sorted(instance_of(row[0]) for row in streams)

    async def values(self, tenant: str, instance: InstanceId) -> dict[tuple[int, str], Value]:
        """Return plain values only: no test of this kind encrypts any."""
        values: dict[tuple[int, str], Value] = {}
        rows = await self._pool.fetch(
            "select topic, state from log.events"
            " where tenant = $1 and originator_id = $2 and topic like 'variable.%' order by originator_version",
            tenant,
            instance.stream,
        )
        for topic, state in rows:
            match decode(topic, state):
                case VariableSet(element_instance_id=scope, name=name, encoding=encoding, value=value):
                    values[scope, name] = Value(encoding, value)
                case VariableDeleted(element_instance_id=scope, name=name):
                    values.pop((scope, name), None)
        return values

    async def _instance(self, topic: str, tenant: str, entity: EntityId, member: str = "id") -> InstanceId | None:
        stream: str | None = await self._pool.fetchval(
            "select originator_id from log.events where topic = $1 and tenant = $2 and originator_id like $3"
            " and (convert_from(state, 'UTF8')::jsonb ->> $4)::bigint = $5",
            topic,
            tenant,
            f"instance-{entity.partition.isoformat()}-%",
            member,
            entity.id,
        )
        return None if stream is None else InstanceId(entity.partition, int(stream[20:]))
