create table processes (
    tenant text collate "C" not null,
    id integer not null,
    bpmn_process_id text not null,
    version text not null,
    created_at timestamptz not null,
    created_by text not null,
    tags jsonb,
    parallelism integer not null,
    bpmn_collaboration_id text not null,
    bpmn_participant_id text not null,
    bpmn_participant_name text not null,
    xml text not null,
    primary key (tenant, id)
);
