"""The eventsourcing library and our log, both ways: its own tests pass on our recorder, and its recorder reads our log.

The library is synchronous. ``Facade`` runs our recorder in an event loop of another thread, for these tests only.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from typing import Any, Never

import psycopg.conninfo
import pytest
from eventsourcing.compressor import ZlibCompressor
from eventsourcing.cryptography import AESCipher
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    MapperDeserialisationError,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from eventsourcing.tests import persistence as library
from eventsourcing.utils import Environment

from domain.bpmn.events import JobFailed
from infra.clock import Clock
from infra.event_log.mapper import JsonTranscoder, StreamedFact, StructMapper
from infra.event_log.recorder import AsyncAggregateRecorder, AsyncApplicationRecorder, AsyncProcessRecorder
from infra.ids import Ulids
from infra.postgres import Link, Pool, connect_pool
from tests.integration.appending import context, decision, instance, open_log, passed

IDS = Ulids()


class Thread:
    """An event loop in a thread, with a pool of connections to one database."""

    def __init__(self, dsn: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.pool: Pool = self.run(connect_pool(dsn, Link(name="recorder", size=8)))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def close(self) -> None:
        self.run(self.pool.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class AggregateFacade(AggregateRecorder):
    recorder_class: type[AsyncAggregateRecorder] = AsyncAggregateRecorder

    def __init__(self, thread: Thread) -> None:
        self.run = thread.run
        self.recorder: Any = self.recorder_class(thread.pool, Clock().wall, IDS.ulid)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        positions: Sequence[int] | None = self.run(self.recorder.insert_events(stored_events, **kwargs))
        return positions

    def select_events(self, *args: Any, **kwargs: Any) -> Sequence[StoredEvent]:
        events: Sequence[StoredEvent] = self.run(self.recorder.select_events(*args, **kwargs))
        return events


class ApplicationFacade(AggregateFacade, ApplicationRecorder):
    recorder_class = AsyncApplicationRecorder

    def select_notifications(self, *args: Any, **kwargs: Any) -> Sequence[Notification]:
        notifications: Sequence[Notification] = self.run(self.recorder.select_notifications(*args, **kwargs))
        return notifications

    def max_notification_id(self) -> int | None:
        position: int | None = self.run(self.recorder.max_notification_id())
        return position

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Never:
        raise NotImplementedError("followers are asynchronous (infra.following)")


class ProcessFacade(ApplicationFacade, ProcessRecorder):
    recorder_class = AsyncProcessRecorder

    def insert_tracking(self, tracking: Tracking) -> None:
        self.run(self.recorder.insert_tracking(tracking))

    def max_tracking_id(self, application_name: str) -> int | None:
        position: int | None = self.run(self.recorder.max_tracking_id(application_name))
        return position


class OnOurLog:
    """A test case of the library, on a database of ours, with ids that are text."""

    thread: Thread

    @pytest.fixture(autouse=True)
    def _thread(self, database: str) -> Iterator[None]:
        self.thread = Thread(database)
        yield
        self.thread.close()

    def new_originator_id(self) -> str:
        return IDS.ulid()


class TestAggregateRecorder(OnOurLog, library.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return AggregateFacade(self.thread)


class TestApplicationRecorder(OnOurLog, library.ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return ApplicationFacade(self.thread)


class TestTrackingRecorder(OnOurLog, library.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return ProcessFacade(self.thread)


class TestProcessRecorder(OnOurLog, library.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return ProcessFacade(self.thread)


class TestNonInterleavingNotificationIds(OnOurLog, library.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return ApplicationFacade(self.thread)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await connect_pool(database, Link(name="recorder"))
    yield pool
    await pool.close()


async def test_events_with_a_gap_or_out_of_order_are_refused(pool: Pool) -> None:
    recorder = AsyncApplicationRecorder(pool, Clock().wall, IDS.ulid)
    for versions in ((1, 3), (2, 1), (2,), (5,)):
        with pytest.raises(IntegrityError):
            await recorder.insert_events([StoredEvent("a", version, "topic", b"") for version in versions])
    assert await recorder.max_notification_id() is None


async def test_an_application_does_not_move_on_with_events_that_are_refused(pool: Pool) -> None:
    recorder = AsyncProcessRecorder(pool, Clock().wall, IDS.ulid)
    with pytest.raises(IntegrityError):
        await recorder.insert_events([StoredEvent("a", 2, "topic", b"")], tracking=Tracking("upstream", 1))
    assert await recorder.max_tracking_id("upstream") is None


async def test_the_library_s_own_recorder_lists_our_streams_and_notifications(database: str) -> None:
    async with open_log(database) as log:
        await log.append(decision(instance(1), 0, passed(1), passed(2)), context())
        await log.append(decision(instance(2), 0, passed(3)), context())
        await log.append(decision(instance(1), 2, passed(4)), context())
    events, notifications, last = await asyncio.to_thread(read_by_library, database)
    mapper = StructMapper(JsonTranscoder())
    assert [mapper.to_domain_event(event) for event in events] == [
        StreamedFact(instance(1), version, passed(number)) for version, number in ((1, 1), (2, 2), (3, 4))
    ]
    assert [(found.id, found.originator_id) for found in notifications] == [
        (2, instance(1)),
        (3, instance(2)),
        (4, instance(1)),
    ]
    assert last == 4


def read_by_library(dsn: str) -> tuple[Sequence[StoredEvent], Sequence[Notification], int | None]:
    parts = psycopg.conninfo.conninfo_to_dict(dsn)
    with PostgresDatastore(
        dbname=str(parts["dbname"]),
        host=str(parts["host"]),
        port=str(parts.get("port", "")),
        user=str(parts["user"]),
        password=str(parts.get("password", "")),
        schema="log",
        originator_id_type="text",
    ) as datastore:
        recorder = PostgresApplicationRecorder(datastore, events_table_name="events")
        events = recorder.select_events(instance(1))
        notifications = recorder.select_notifications(start=2, limit=10, topics=[passed().topic])
        return events, notifications, recorder.max_notification_id()


FACT = StreamedFact(instance(1), 3, JobFailed(id=7, error="declined " * 100))


def test_the_library_s_cipher_and_compressor_work_on_our_facts() -> None:
    environment = Environment(env={AESCipher.CIPHER_KEY: AESCipher.create_key(32)})
    mapper = StructMapper(JsonTranscoder(), ZlibCompressor(), AESCipher(environment))
    stored = mapper.to_stored_event(FACT)
    assert (stored.originator_id, stored.originator_version, stored.topic) == (instance(1), 3, "job.failed.v1")
    assert b"declined" not in stored.state
    assert len(stored.state) < 200
    assert mapper.to_domain_event(stored) == FACT
    other = StructMapper(JsonTranscoder(), ZlibCompressor())
    with pytest.raises(MapperDeserialisationError, match=r"job\.failed\.v1"):
        other.to_domain_event(stored)


def test_the_mapper_names_a_topic_it_does_not_know() -> None:
    with pytest.raises(MapperDeserialisationError, match="juggled"):
        StructMapper(JsonTranscoder()).to_domain_event(StoredEvent("a", 1, "job.juggled.v9", b"{}"))
