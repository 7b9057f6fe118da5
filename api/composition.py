"""The one place that knows everything: opens what a process needs, in order, and closes it in the other."""

import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import msgspec

from api.admin.administration import Administration
from api.engine.ports import Engine
from api.incidents.ports import Tracking
from api.intakes.administration import IntakeAdministration
from api.roles import Roles
from api.webhooks.registration import Registration
from commands.access import IssuedKey
from commands.handling import Commands
from commands.routes import ROUTES
from commands.states import StateCache
from infra.access import AccessRecords
from infra.acknowledgement_timeouts import LEASE as ACKNOWLEDGEMENTS_LEASE
from infra.acknowledgement_timeouts import AcknowledgementTimeouts
from infra.answer_cache import AnswerCache, MemoryAnswers, RedisAnswers
from infra.audit.chaining import LEASE as CHAIN_LEASE
from infra.audit.chaining import Chaining
from infra.clock import Clock
from infra.command_measures import CommandMeasures
from infra.delivery.deliveries import LEASE as DELIVERY_LEASE
from infra.delivery.deliveries import Deliveries, Means
from infra.delivery.posting import Terms
from infra.delivery.scheduling import Sources
from infra.delivery.secrets import WebhookSecrets
from infra.delivery.targets import Targets
from infra.duties import Duties, Duty
from infra.embedded_postgres import EmbeddedPostgres
from infra.encryption import VariableCipher
from infra.engine_time import EngineTime
from infra.event_feed.feed import EventFeed
from infra.event_log.doorbell import DoorbellWire
from infra.event_log.log import EventLog
from infra.event_log.pruning import Pruner
from infra.executor import Executor
from infra.following.followers import LEASE, Followers
from infra.following.standing import Standing
from infra.history import ReadModelHistory
from infra.ids import IdBlocks
from infra.intakes import IntakeRecords, IntakeSecrets
from infra.leases import GiveWay, Lease
from infra.lookups import PostgresLookups
from infra.migrating import known_migrations, migrate
from infra.node_measures import measure_connections, measure_incidents
from infra.postgres import Connection, Link, Pools, Record, connect, let_connecting_be_cancelled, open_pools
from infra.probing.prober import LEASE as PROBER_LEASE
from infra.probing.prober import Outlook, Prober
from infra.rate_limits.buckets import Buckets, MemoryBuckets
from infra.rate_limits.redis_buckets import DEPLOYMENT, RedisBuckets
from infra.reading import Reading
from infra.redis_doorbell import RedisWire
from infra.replaying.causes import Causes
from infra.replaying.replays import Replays
from infra.rule_evaluation import LEASE as RULES_LEASE
from infra.rule_evaluation import RuleEvaluator
from infra.secret_key import SecretKey, load_secret_key
from infra.settings import InvalidSetting, Settings
from infra.token_keys import KeySet, SecretAndKeySet, loader
from infra.tokens import Party, Tokens
from infra.watching import Watch
from projections.catalogue import READ_MODELS

#: The lease under which one node runs the engine's own tasks.
EXECUTOR_LEASE = "executor"

#: Seconds without a sign of life after which a role counts as standing still: twice what a statement of it may take.
PATIENCE = 120.0


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one process runs, opened; ``founded`` is the first owner key when this start made it."""

    settings: Settings
    dsn: str
    pools: Pools
    watch: Watch
    duties: Duties
    engine_time: EngineTime
    log: EventLog
    commands: Commands
    reading: Reading
    answers: AnswerCache
    replays: Replays
    causes: Causes
    feed: EventFeed
    followers: Followers
    cipher: VariableCipher
    secret_key: SecretKey
    records: AccessRecords
    administration: Administration
    intakes: IntakeAdministration
    registration: Registration
    tokens: Tokens | None
    buckets: Buckets
    roles: Roles
    founded: IssuedKey | None

    @property
    def engine(self) -> Engine:
        """What the engine's API needs."""
        return Engine(
            commands=self.commands,
            readings=self.reading,
            database=self.pools.queries,
            cipher=self.cipher,
            obstacle=self.obstacle,
            take_time=self.engine_time.catch_up,
            fingerprint=self.secret_key.fingerprint,
            engine_id=self.settings.engine_id,
            replays=self.replays,
            causes=self.causes,
            task_retry_limit=self.settings.task_retry_limit,
            set_time_enabled=self.settings.set_time_enabled,
        )

    @property
    def tracking(self) -> Tracking:
        """What the APIs about incidents need."""
        return Tracking(
            commands=self.commands,
            readings=self.reading,
            database=self.pools.queries,
            streams=self.log,
            replays=self.replays,
            causes=self.causes,
            fingerprint=self.secret_key.fingerprint,
        )

    def hurry(self) -> None:
        """Have nobody wait any longer: this node is about to stop."""
        self.commands.stop_waiting()
        self.feed.stop()

    async def obstacle(self) -> str:
        """Say why this node should get no requests now; empty while it should."""
        return self.watch.trouble

    async def measure(self, obstacle: str, standings: Sequence[Standing]) -> None:
        """Look up what is not counted as it happens, as far as the obstacle to requests lets it."""
        measure_connections(self.pools, database_up=not obstacle)
        await measure_incidents(self.pools, standings)


@asynccontextmanager
async def open_node(settings: Settings) -> AsyncIterator[Node]:
    """Open a node on the configured database, or on an embedded one, and run its roles until the block ends."""
    if "prober" in settings.roles and not settings.prober_region:
        raise InvalidSetting("ANNALS_PROBER_REGION is not set: the role prober needs it")
    let_connecting_be_cancelled()
    async with AsyncExitStack() as stack:
        dsn = await _database(settings, stack)
        await migrate(dsn)
        watch = Watch(partial(connect, dsn, Link(name="watch", acquire_timeout=settings.acquire_timeout)))
        pools = await open_pools(dsn, settings, watch)
        stack.push_async_callback(pools.close)
        node = await _assembled(settings, dsn, pools, watch, stack)
        async with node.roles.running(_roles(node)):
            yield node


async def _database(settings: Settings, stack: AsyncExitStack) -> str:
    if settings.database_url is not None:
        return settings.database_url
    server = await stack.enter_async_context(EmbeddedPostgres(settings.data_dir))
    return server.dsn()


async def _assembled(settings: Settings, dsn: str, pools: Pools, watch: Watch, stack: AsyncExitStack) -> Node:
    clock = Clock()
    events = await stack.enter_async_context(_event_log(settings, dsn, pools, watch, clock))
    engine_time = await _engine_time(events, clock)
    duties = Duties(clock.wall)
    follower_duty = duties.of(LEASE, PATIENCE) if "followers" in settings.roles else None
    followers = _followers(_lease(pools, LEASE, follower_duty), pools, events)
    reading = Reading(pools.queries, READ_MODELS, events.doorbell, followers.progress, settings.query_wait)
    ids = IdBlocks(pools.commands)
    cipher = VariableCipher(settings.encryption_keys)
    commands = _commands(settings, events, _lookups(pools, reading, clock, cipher), ids, clock, cipher)
    secret_key = _secret_key(settings)
    records = AccessRecords(pools.commands, secret_key)
    administration = Administration(commands, records, secret_key, ids.ulid)
    return Node(
        settings=settings,
        dsn=dsn,
        pools=pools,
        watch=watch,
        duties=duties,
        engine_time=engine_time,
        log=events,
        commands=commands,
        reading=reading,
        answers=_answers(settings, secret_key, events, stack),
        replays=Replays(pools.queries),
        causes=Causes(pools.queries),
        feed=EventFeed(pools.queries, events.doorbell),
        followers=followers,
        cipher=cipher,
        secret_key=secret_key,
        records=records,
        administration=administration,
        intakes=_intakes(commands, pools, secret_key, ids),
        registration=Registration(WebhookSecrets(secret_key), _targets(settings), ids.ulid),
        tokens=_tokens(settings, records, clock),
        buckets=await _buckets(settings, pools, clock, stack),
        roles=Roles(),
        founded=await administration.found_deployment(settings.bootstrap_key),
    )


async def _engine_time(events: EventLog, clock: Clock) -> EngineTime:
    engine_time = EngineTime(events, clock)
    await engine_time.catch_up()
    return engine_time


def _lookups(pools: Pools, reading: Reading, clock: Clock, cipher: VariableCipher) -> PostgresLookups:
    return PostgresLookups(pools.commands, ReadModelHistory(reading, pools.queries, clock, cipher))


def _event_log(settings: Settings, dsn: str, pools: Pools, watch: Watch, clock: Clock) -> EventLog:
    own_connection = partial(connect, dsn, Link(name="log", acquire_timeout=settings.acquire_timeout))
    return EventLog(pools.commands, own_connection, clock.wall, check=watch.check, continuity=watch.continuity)


def _commands(
    settings: Settings, log: EventLog, lookups: PostgresLookups, ids: IdBlocks, clock: Clock, cipher: VariableCipher
) -> Commands:
    return Commands(
        routes=ROUTES,
        log=log,
        lookups=lookups,
        ids=ids,
        clock=clock,
        cipher=cipher,
        cache=StateCache(settings.state_cache_size),
        watcher=CommandMeasures(),
        job_lock_timeout=settings.job_lock_timeout or "",
    )


def _lease(pools: Pools, name: str, duty: Duty | None) -> Lease:
    """Return a lease for this process, which gives it up to a newer release where that is at work."""
    return Lease(pools.followers, name, holder(), duty=duty, migrations=known_migrations())


def _followers(lease: Lease, pools: Pools, events: EventLog) -> Followers:
    return Followers(pools.followers, lease, events.doorbell, READ_MODELS, tail=events.tail)


def _intakes(commands: Commands, pools: Pools, secret_key: SecretKey, ids: IdBlocks) -> IntakeAdministration:
    secrets = IntakeSecrets(secret_key)
    return IntakeAdministration(commands, IntakeRecords(pools.commands, secrets), secrets, ids.ulid)


def _secret_key(settings: Settings) -> SecretKey:
    """Return the key of this node's deployment. Nodes that share a database share it, so none makes one of its own."""
    return load_secret_key(settings.secret_key, settings.data_dir, make=settings.database_url is None)


def _tokens(settings: Settings, records: AccessRecords, clock: Clock) -> Tokens | None:
    """Return where tokens are looked up, where any are trusted."""
    if settings.jwt_secret is None and settings.jwks is None:
        return None
    key_set = KeySet(loader(settings.jwks)) if settings.jwks is not None else None
    keys = SecretAndKeySet(settings.jwt_secret, key_set)
    return Tokens(keys, records, Party(settings.jwt_issuer, settings.jwt_audience), clock.wall)


async def _buckets(settings: Settings, pools: Pools, clock: Clock, stack: AsyncExitStack) -> Buckets:
    """Return where requests are counted: over all nodes where they share a Redis."""
    if settings.redis_url is None:
        return MemoryBuckets(clock.wall)
    shared = RedisBuckets(settings.redis_url, clock.wall, await pools.commands.fetchval(DEPLOYMENT))
    stack.push_async_callback(shared.close)
    return shared


def _answers(settings: Settings, secret_key: SecretKey, events: EventLog, stack: AsyncExitStack) -> AnswerCache:
    """Return where answers of analytics are kept: for all nodes where they share a Redis."""
    if settings.redis_url is None:
        return MemoryAnswers()
    shared = RedisAnswers(settings.redis_url, secret_key, events.continuity.era)
    stack.push_async_callback(shared.close)
    return shared


def _roles(node: Node) -> dict[str, Coroutine[Any, Any, None]]:
    """Return what runs beside the requests, by name."""
    settings = node.settings

    running: dict[str, Coroutine[Any, Any, None]] = {
        "watch": node.watch.run(),
        "doorbell": _wire(node).run(),
        "pruning": Pruner(node.pools.commands).run(),
        "engine time": node.engine_time.run(),
    }
    if "api" in settings.roles:
        running["event feed"] = node.feed.run()
    if "followers" in settings.roles:
        running["followers"] = node.followers.run()
        chain_lease = _lease(node.pools, CHAIN_LEASE, node.duties.of(CHAIN_LEASE, PATIENCE))
        running["chain"] = Chaining(node.pools.followers, chain_lease, node.log.doorbell).run()
    if "executor" in settings.roles:
        executor = Executor(
            node.commands,
            settings.engine_id,
            settings.task_retry_limit,
            runs_tasks=settings.task_executor_enabled,
        )
        running["executor"] = _on_one_node(node, EXECUTOR_LEASE, executor.run)
    if "rules" in settings.roles:
        rules = RuleEvaluator(node.commands, node.reading, node.pools.queries, settings.alert_evaluation_seconds)
        timeouts = AcknowledgementTimeouts(node.commands, node.reading, node.pools.queries)
        running["acknowledgements"] = _on_one_node(node, ACKNOWLEDGEMENTS_LEASE, timeouts.run)
        running["rules"] = _on_one_node(node, RULES_LEASE, rules.run, settings.alert_evaluation_seconds)
    if "delivery" in settings.roles:
        running["delivery"] = _delivering(node)
    if "prober" in settings.roles:
        running["prober"] = _probing(node)
    return running


def _delivering(node: Node) -> Coroutine[Any, Any, None]:
    """Return the deliveries to webhooks; of all nodes one makes them."""
    settings, wall = node.settings, Clock().wall
    lease = _lease(node.pools, DELIVERY_LEASE, node.duties.of(DELIVERY_LEASE, PATIENCE))
    means = Means(
        commands=node.commands,
        secrets=WebhookSecrets(node.secret_key),
        bell=node.log.doorbell,
        sources=Sources(node.pools.followers, wall),
        terms=Terms(_targets(settings), settings.webhook_timeout, wall, ssl.create_default_context()),
        retries=settings.webhook_retries,
        tell=lease.tell,
        give_way=lease.give_way,
    )
    return lease.keep(Deliveries(means).deliver)


def _targets(settings: Settings) -> Targets:
    """Return where webhooks may be."""
    return Targets(settings.webhook_ports, settings.webhook_private_targets)


def _probing(node: Node) -> Coroutine[Any, Any, None]:
    """Return the probing of checks; of several nodes with one region, one probes."""
    region = node.settings.prober_region or ""  # it is there: opening the node has looked
    outlook = Outlook(region, Clock().wall, allow_special=node.settings.prober_special_addresses)
    prober = Prober(node.commands, node.reading, node.pools.queries, outlook)
    return _on_one_node(node, f"{PROBER_LEASE} {region}", prober.run)


def _on_one_node(
    node: Node, name: str, run: Callable[[Callable[[], None], GiveWay], Coroutine[Any, Any, None]], pause: float = 0.0
) -> Coroutine[Any, Any, None]:
    """Return what one node at a time does, under the lease of that name; it pauses for so many seconds by itself."""
    lease = _lease(node.pools, name, node.duties.of(name, pause + PATIENCE))
    return lease.keep(lambda _held: run(lease.goes_on, lease.give_way))


def _wire(node: Node) -> DoorbellWire | RedisWire:
    """Return what wakes other nodes, and this one when they append."""

    async def own_connection() -> "Connection[Record]":
        return await connect(node.dsn, Link(name="doorbell", command_timeout=None))

    url = node.settings.redis_url
    if url is not None:
        return RedisWire(node.log.doorbell, node.pools.commands, url)
    return DoorbellWire(node.log.doorbell, own_connection)


def holder() -> str:
    """Name this process to those who look at leases."""
    return f"{socket.gethostname()}:{os.getpid()}"
