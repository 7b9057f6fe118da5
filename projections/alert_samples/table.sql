-- Samples of the last hour (projections/last_hour.py), by the time that they are of. ``position`` and ``number`` are
-- where they stand in the log. A sample has a value, or else how many of how many failed.
create table alert_samples (
    tenant text collate "C" not null,
    metric text collate "C" not null,
    at timestamptz not null,
    position bigint not null,
    number integer not null,
    value double precision,
    failed bigint not null,
    total bigint not null,
    scope jsonb not null,
    primary key (tenant, metric, at, position, number)
);
create index alert_samples_at on alert_samples (at);

-- Since when samples are kept, in milliseconds since 1970.
create table alert_samples_kept (
    id integer primary key,
    since bigint not null
);
