-- Every element that was ever deployed, and what rules call it; the process itself is an element, too.
create table work_outcomes_elements (
    element_id integer primary key,
    tenant text collate "C" not null,
    process_key text collate "C" not null,
    version text collate "C" not null,
    activity_id text collate "C" not null
);
-- Names have up to 255 characters; a fourth column of four bytes each would be more than an index takes.
create index work_outcomes_elements_named on work_outcomes_elements (tenant, process_key, version);

-- Jobs that have not ended: few, however long the history.
create table work_outcomes_jobs (
    partition date not null,
    id integer not null,
    element_id integer not null,
    primary key (partition, id)
) with (autovacuum_vacuum_scale_factor = 0.05);

-- Element instances that have not ended, but for events that are armed at others; began_at is in milliseconds since 1970.
create table work_outcomes_running (
    partition date not null,
    id integer not null,
    element_id integer not null,
    began_at bigint not null,
    primary key (partition, id)
) with (autovacuum_vacuum_scale_factor = 0.05);

-- How many jobs ended, and failed, in the minutes and seconds of the last hour (projections/time_spans.py).
create table work_outcomes (
    span integer not null,
    begins bigint not null,
    element_id integer not null,
    failed boolean not null,
    times integer not null,
    moments smallint[],
    primary key (span, begins, element_id, failed)
) with (fillfactor = 70);

-- How long the element instances took that completed in the seconds of the last hour: for each of them the millisecond
-- within the second, and the milliseconds that it took.
create table work_outcomes_durations (
    begins bigint not null,
    element_id integer not null,
    moments smallint[] not null,
    durations bigint[] not null,
    primary key (begins, element_id)
) with (fillfactor = 70);

-- Since when this is kept, in milliseconds since 1970.
create table work_outcomes_kept (
    id integer primary key,
    since bigint not null
);
