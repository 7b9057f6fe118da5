-- Counts by time (projections/time_spans.py) of incidents and, as a type of their own, of error start events that
-- fired. A process here is one deployed version.
create table insight_incidents_graph (
    process_id integer not null,
    incident_type text collate "C" not null,
    span integer not null,
    begins bigint not null,
    incidents integer not null,
    moments smallint[],
    primary key (process_id, span, begins, incident_type)
) with (fillfactor = 70);

create table insight_incidents_graph_processes (
    tenant text collate "C" not null,
    process_key text collate "C" not null,
    version text collate "C" not null,
    process_id integer not null,
    primary key (tenant, process_key, version)
);

-- The elements that begin with an error.
create table insight_incidents_graph_error_starts (
    element_id integer primary key
);
