"""What commands learn from read models of what has ended, and of values: caught up with the log, for one tenant."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from commands.context import Value
from commands.intents import EntityId
from commands.turns import associated_data
from domain.bpmn.events import (
    JobCompleted,
    ProcessInstanceCanceled,
    ProcessInstanceCompleted,
    ProcessInstanceStarted,
    ProcessInstanceSuspended,
    ProcessInstanceTerminated,
    UserTaskTerminated,
    VariableDeleted,
    VariableSet,
)
from domain.identity import InstanceId, process_stream
from infra.clock import Clock
from infra.encryption import VariableCipher
from infra.event_log.doorbell import Doorbell
from infra.event_log.log import EventLog
from infra.following.progress import Progress
from infra.history import ReadModelHistory
from infra.lookups import PostgresLookups
from infra.postgres import Link, connect_pool
from infra.reading import Reading
from projections.catalogue import READ_MODELS
from tests.integration.appending import DAY, context, decision, instance, job, open_log
from tests.integration.following_stage import BRISK, follower_pool, following
from tests.integration.test_decision_tables import deployed, user_task

ASKED = ("jobs", "user_tasks", "process_instances", "variables")
MODELS = [model for model in READ_MODELS if model.name in ASKED]

CIPHER = VariableCipher([b"1" * 32])
OTHER = VariableCipher([b"2" * 32])
SEVENTEEN = InstanceId(DAY, 17)


@pytest.fixture
async def log(database: str) -> AsyncIterator[EventLog]:
    async with open_log(database) as log:
        yield log


@pytest.fixture
async def lookups(database: str) -> AsyncIterator[PostgresLookups]:
    queries = await connect_pool(database, Link(name="queries", search_path="read"))
    async with follower_pool(database) as pool, following(pool, MODELS, BRISK, Doorbell()):
        reading = Reading(queries, MODELS, Doorbell(), Progress(), 5.0)
        yield PostgresLookups(queries, ReadModelHistory(reading, queries, Clock(), CIPHER))
    await queries.close()


def variable(name: str, value: str, **changes: Any) -> VariableSet:
    fields: dict[str, Any] = {"id": 1, "process_id": 4, "name": name, "encoding": "text/plain", "value": value}
    return VariableSet(**(fields | changes))


async def test_what_has_ended_is_still_known_to_its_tenant(log: EventLog, lookups: PostgresLookups) -> None:
    facts = (job(5), user_task(3), JobCompleted(id=5), UserTaskTerminated(id=3))
    await log.append(decision(SEVENTEEN.stream, 0, *facts), context(tenant="acme"))
    assert await lookups.job("acme", EntityId(DAY, 5)) is None
    assert await lookups.had_job("acme", EntityId(DAY, 5))
    assert await lookups.user_task("acme", EntityId(DAY, 3)) is None
    assert await lookups.ended_user_task("acme", EntityId(DAY, 3)) == "TERMINATED"
    assert await lookups.ended_user_task("acme", EntityId(DAY, 5)) is None
    assert await lookups.ended_user_task("globex", EntityId(DAY, 3)) is None


async def test_the_instances_of_all_versions_that_have_not_ended_run(log: EventLog, lookups: PostgresLookups) -> None:
    for number, name in ((1, "order"), (2, "order"), (3, "pay")):
        version = {"order": number - 1}.get(name, 0)
        process = deployed(number, bpmn_process_id=name)
        await log.append(decision(process_stream("acme", name), version, process), context(tenant="acme"))
    lives: dict[int, tuple[int, tuple[Any, ...]]] = {
        11: (1, ()),
        12: (1, (ProcessInstanceCompleted(),)),
        13: (2, (ProcessInstanceSuspended(),)),
        14: (2, (ProcessInstanceCanceled(),)),
        15: (2, (ProcessInstanceTerminated(),)),
        16: (3, ()),
    }
    for number, (process_id, later) in lives.items():
        began = ProcessInstanceStarted(process_id=process_id, bpmn_process_id="any", version="any")
        await log.append(decision(instance(number), 0, began, *later), context(tenant="acme"))
    assert await lookups.running_instances("acme", "order") == [InstanceId(DAY, 11), InstanceId(DAY, 13)]
    assert await lookups.running_instances("acme", "pay") == [InstanceId(DAY, 16)]
    assert not await lookups.running_instances("globex", "order")
    assert not await lookups.running_instances("acme", "unknown")


async def test_values_are_those_of_all_scopes_as_they_are_now(log: EventLog, lookups: PostgresLookups) -> None:
    facts = (
        variable("amount", "1"),
        variable("amount", "2"),
        variable("amount", "3", id=2, element_id=5, element_instance_id=6),
        variable("gone", "4", id=3),
        VariableDeleted(id=3, name="gone"),
    )
    await log.append(decision(SEVENTEEN.stream, 0, *facts), context(tenant="acme"))
    await log.append(decision(instance(18), 0, variable("amount", "5", id=9)), context(tenant="acme"))
    assert await lookups.values("acme", SEVENTEEN) == {
        (0, "amount"): Value("text/plain", "2"),
        (6, "amount"): Value("text/plain", "3"),
    }
    assert await lookups.values("globex", SEVENTEEN) == {}


async def test_encrypted_values_are_opened_where_they_belong_and_others_left_out(
    log: EventLog, lookups: PostgresLookups
) -> None:
    def sealed(name: str, cipher: VariableCipher, place: str, **changes: Any) -> VariableSet:
        return variable(name, cipher.encrypt("secret", place), encrypted=True, **changes)

    def here(name: str, scope: int = 0, sealed_for: str = "") -> str:
        return associated_data("acme", SEVENTEEN, scope, name, sealed_for)

    facts = (
        sealed("own", CIPHER, here("own")),
        sealed("inner", CIPHER, here("inner", 6), id=2, element_id=5, element_instance_id=6),
        sealed("sent", CIPHER, here("sent", sealed_for="message-7"), id=3, sealed_for="message-7"),
        sealed("moved", CIPHER, here("own"), id=4),
        sealed("lost", OTHER, here("lost"), id=5),
    )
    await log.append(decision(SEVENTEEN.stream, 0, *facts), context(tenant="acme"))
    secret = Value("text/plain", "secret")
    assert await lookups.values("acme", SEVENTEEN) == {(0, "own"): secret, (6, "inner"): secret, (0, "sent"): secret}
