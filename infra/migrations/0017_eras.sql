-- Stretches of the log's life. One begins where another server or timeline serves the log than before (a failover, a
-- restored backup), or where facts that a node knew were found to be gone (infra/event_log/continuity.py). Facts up to
-- began_after are older than the era. What was told of later positions before it began may be of facts that are gone.
create table log.eras (
    number integer primary key,
    id text not null unique,        -- also after a restore no two eras share one
    began_after bigint not null,
    server text not null,
    noticed_at timestamptz not null default now()
);
