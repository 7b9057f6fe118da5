-- One row for each check that is not deleted.
create table checks (
    check_id text collate "C" primary key,  -- the ULID
    tenant text collate "C" not null,
    settings jsonb not null,
    paused boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    position bigint not null,               -- of the fact that said last what is to be probed
    checked_at timestamptz                  -- when the newest result was observed
) with (fillfactor = 70);
create index checks_listed on checks (tenant, created_at, check_id);
create index checks_position on checks (position);

-- Checks that were deleted, and the positions of the facts that say so: probers have to hear of it.
create table checks_deleted (
    position bigint primary key,
    check_id text collate "C" not null
);

-- Every incident of a check.
create table checks_incidents (
    incident text collate "C" primary key,  -- the ULID
    check_id text collate "C" not null,
    kind text not null,
    unresolved boolean not null
) with (fillfactor = 80);
create index checks_incidents_of_check on checks_incidents (check_id);
create index checks_incidents_unresolved on checks_incidents (check_id, kind) where unresolved;
