-- One row for each incident at an activity; a process here is one deployed version. Times are milliseconds since 1970.
-- The end is written later, and no index has anything to do with that: the room left on each page is for it.
create table insight_incidents_table (
    incident text collate "C" primary key,  -- the ULID
    process_id integer not null,
    created_at bigint not null,
    ended_at bigint,
    activity_id text not null,
    activity text not null,
    process_instance text not null
) with (fillfactor = 90);
create index insight_incidents_table_ranked on insight_incidents_table (process_id, created_at desc, incident);

-- Counts of these incidents by time of creation (projections/time_spans.py): they lead to any rank without passing by the
-- incidents before it.
create table insight_incidents_table_counts (
    process_id integer not null,
    span integer not null,
    begins bigint not null,
    incidents integer not null,
    moments smallint[],
    primary key (process_id, span, begins)
) with (fillfactor = 70);

create table insight_incidents_table_processes (
    tenant text collate "C" not null,
    process_key text collate "C" not null,
    version text collate "C" not null,
    process_id integer not null,
    primary key (tenant, process_key, version)
);
