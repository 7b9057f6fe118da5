-- Counts by time of creation (projections/time_spans.py) of incidents of every source. ``recovery`` is the sum of what
-- those that are resolved took, in milliseconds; none less than 0, since clocks of nodes may differ. A row that once was
-- counted in stays, with 0.
create table incident_analytics (
    tenant text collate "C" not null,
    severity smallint not null,
    span integer not null,
    begins bigint not null,
    incidents integer not null,
    resolved integer not null,
    recovery bigint not null,
    primary key (tenant, span, begins, severity)
) with (fillfactor = 70);

-- One row for each incident: what it is counted as. Times are milliseconds since 1970; ``resolved_at`` is null unless it
-- was resolved in its current cycle of work.
create table incident_analytics_incidents (
    incident text collate "C" primary key,  -- the ULID
    tenant text collate "C" not null,
    severity smallint not null,
    created_at bigint not null,
    started_at bigint not null,
    resolved_at bigint
) with (fillfactor = 90);
create index incident_analytics_incidents_created on incident_analytics_incidents (tenant, created_at);
