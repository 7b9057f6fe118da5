-- One row for each deployed version; ``deployed`` is its place in the order of deployment. The figures change all the
-- time: most of each page is room for that.
create table insight_versions (
    tenant text collate "C" not null,
    process_key text collate "C" not null,
    version text collate "C" not null,
    deployed bigint not null,
    process_id integer not null,
    process_instances bigint not null,
    incidents bigint not null,
    error_start_events bigint not null,
    primary key (tenant, process_key, version)
) with (fillfactor = 30);
create unique index insight_versions_by_process on insight_versions (process_id);

-- Instances that wait for their turn: they count once they start.
create table insight_versions_queued (
    partition date not null,
    id integer not null,
    process_id integer not null,
    primary key (partition, id)
);

-- The elements that begin with an error.
create table insight_versions_error_starts (
    element_id integer primary key
);
