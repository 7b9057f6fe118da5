-- One row for each fact of each incident; versions of an incident run from 1 without a gap.
create table incident_timeline (
    incident text collate "C" not null,  -- the ULID
    version bigint not null,
    tenant text collate "C" not null,
    position bigint not null,
    kind text collate "C" not null,
    happened_at timestamptz not null,
    actor_kind text not null,
    actor_id text not null,
    email text not null,
    before text,
    after text,
    text text not null,
    field text,
    type text,
    is_work boolean not null,            -- whether it is a note or a change of status
    primary key (incident, version)
);
-- Notes and changes of status, which an incident has few of, however often it recurs.
create index incident_timeline_work on incident_timeline (incident, version) where is_work;
