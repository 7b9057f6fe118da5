-- Incidents that are acknowledged now.
create table acknowledged_incidents (
    incident text collate "C" primary key,  -- the ULID
    tenant text collate "C" not null,
    since timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0.05);
create index acknowledged_incidents_of_tenant on acknowledged_incidents (tenant, since);

-- Tenants whose acknowledgements are taken back after a while.
create table acknowledgement_timeouts (
    tenant text collate "C" primary key,
    minutes integer not null
);
