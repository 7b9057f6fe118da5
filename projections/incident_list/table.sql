-- One row for each incident, as it stands. Stamps are those of the current cycle of work. What an incident does not have
-- is null. Columns are in the order of ``ListedIncident``.
create table incident_list (
    incident text collate "C" primary key,  -- the ULID
    tenant text collate "C" not null,
    status text collate "C" not null,
    severity smallint not null,
    title text not null,
    error_message text not null,
    source text not null,
    type text,
    opened_by text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    started_at timestamptz not null,
    acknowledged_at timestamptz,
    resolved_at timestamptz,
    closed_at timestamptz,
    canceled_at timestamptz,
    resolved_by text,
    assignee text,
    failure_count bigint not null,  -- it may begin at the greatest integer
    affected_regions text[] not null,
    affected_monitors text[] not null,
    status_page_update text not null,
    check_id text collate "C",
    check_name text,
    check_url text,
    check_kind text,
    rule_id text collate "C",
    rule_name text,
    metric text,
    operator text,
    threshold double precision,
    actual double precision,
    window_minutes integer,
    sample_count bigint,
    scope jsonb,
    provider text,
    external_id text,
    service text,
    environment text,
    process_key text,
    version text,
    activity_id text,
    process_instance text,  -- partition/id, as engine_incident
    engine_incident text,
    previous text,          -- the ULID of another incident, as merged_into
    merged_into text
) with (fillfactor = 85);
create index incident_list_created on incident_list (tenant, created_at, incident);
create index incident_list_updated on incident_list (tenant, updated_at, incident);
create index incident_list_of_group on incident_list (tenant, status, severity, created_at, incident);
create index incident_list_in_group on incident_list (tenant, status, severity, incident);
create index incident_list_started on incident_list (tenant, started_at, incident);
create index incident_list_of_check on incident_list (tenant, check_id, status, severity, created_at, incident)
 where check_id is not null;
create index incident_list_of_rule on incident_list (tenant, rule_id, status, severity, created_at, incident)
 where rule_id is not null;

-- How many incidents there are of each status and severity: of all (the subject is empty), and of each check and rule.
-- A row that once was counted in stays, with 0.
create table incident_list_counts (
    tenant text collate "C" not null,
    subject text collate "C" not null,
    status text collate "C" not null,
    severity smallint not null,
    incidents bigint not null,
    primary key (tenant, subject, status, severity)
) with (fillfactor = 70);
