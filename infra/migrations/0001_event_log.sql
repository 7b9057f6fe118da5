-- The event log. Its columns named originator_* , topic, state and notification_id have the shape of the eventsourcing
-- library's recorder tables, so that its PostgreSQL recorder can read them. Text that is only compared for equality has
-- collation "C": it compares bytes, whatever collation the database was made with.

create schema if not exists log;

-- The position of the last event. Every append updates this row and holds its lock until it commits: positions are
-- therefore without a gap and in commit order. Room is left on the page so that each update stays on it.
create table log.head (
    only_row boolean primary key default true check (only_row),
    position bigint not null
) with (fillfactor = 10);
insert into log.head (position) values (0);

-- The version that each stream has reached; comparing and setting it decides which append comes first.
create table log.streams (
    stream text collate "C" primary key,
    version bigint not null
) with (fillfactor = 70);

create table log.events (
    notification_id bigint not null unique,  -- the position: 1..m
    originator_version bigint not null,      -- 1..n in its stream
    happened_at timestamptz not null,        -- engine time
    recorded_at timestamptz not null,        -- wall clock of the node that appended
    originator_id text collate "C" not null, -- the stream
    topic text collate "C" not null,
    state bytea not null,
    tenant text collate "C" not null,
    actor_kind text collate "C" not null,
    actor_id text collate "C" not null,
    correlation_id text collate "C" not null, -- the command
    causation_id text collate "C",
    primary key (originator_id, originator_version)
) with (
    -- Rows never change: freeze them with the first vacuum, so that no later one has to come back to them.
    autovacuum_freeze_min_age = 0,
    autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_vacuum_insert_scale_factor = 0.05
);

-- Commands of the last 24 hours: the same id never takes effect twice. `attempt` tells the writer whether it was its own
-- request that came through before a connection broke; `answer` and `principal` are kept for explicit idempotency keys.
create table log.commands (
    command_id text collate "C" primary key,
    attempt bigint not null,
    position bigint not null,
    recorded_at timestamptz not null,
    fingerprint text not null,
    answer bytea,
    principal text
);
create index commands_recorded_at on log.commands using brin (recorded_at) with (pages_per_range = 32, autosummarize = on);

-- The state of a long stream at a version; `shape` tells whether the program still reads it.
create table log.snapshots (
    stream text collate "C" primary key,
    version bigint not null,
    shape text not null,
    state bytea not null
);

-- The next number to hand out, per kind and day; kinds that count for ever have day '-infinity'.
create table log.id_blocks (
    kind text collate "C" not null,
    day date not null default '-infinity',
    next bigint not null,
    primary key (kind, day)
);
