-- Counts by time (projections/time_spans.py): element instances by their start, incidents by their creation and as what
-- they count today. ``moments`` are those of the starts. A process here is one deployed version.
create table insight_heatmap (
    process_id integer not null,
    element text collate "C" not null,
    span integer not null,
    begins bigint not null,
    instances integer not null,
    active integer not null,
    completed integer not null,
    canceled integer not null,
    moments smallint[],
    primary key (process_id, span, begins, element)
) with (fillfactor = 70);

-- One row for each incident at an activity: what it was counted as, and where. ``created_at`` is in milliseconds.
create table insight_heatmap_incidents (
    incident text collate "C" primary key,  -- the ULID
    process_id integer not null,
    element text collate "C" not null,
    created_at bigint not null,
    state text collate "C" not null
) with (fillfactor = 90);
create index insight_heatmap_incidents_of_process on insight_heatmap_incidents (process_id, created_at);

-- Element instances that have not begun yet, and may never: they count once they do.
create table insight_heatmap_waiting (
    partition date not null,
    id integer not null,
    process_id integer not null,
    element text collate "C" not null,
    primary key (partition, id)
) with (autovacuum_vacuum_scale_factor = 0.05);

create table insight_heatmap_processes (
    tenant text collate "C" not null,
    process_key text collate "C" not null,
    version text collate "C" not null,
    process_id integer not null,
    primary key (tenant, process_key, version)
);
