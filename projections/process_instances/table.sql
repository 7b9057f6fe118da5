-- An instance changes state once or twice, and no index has anything to do with that: the room left on each page keeps
-- its new versions beside the old ones. One that nothing called has parent 0 and is its own root.
create table process_instances (
    tenant text collate "C" not null,
    partition date not null,
    id integer not null,
    parent_id integer not null,
    root_id integer not null,
    process_id integer not null,
    bpmn_process_id text not null,
    version text not null,
    correlation_key text not null,
    created_at timestamptz not null,
    created_by text not null,
    tags jsonb,
    state text not null,
    started_at timestamptz,
    ended_at timestamptz,
    primary key (tenant, partition, id)
) with (fillfactor = 60);
create index process_instances_of_process on process_instances (process_id, partition, id);
create index process_instances_of_root on process_instances (root_id, partition, id);
create index process_instances_of_parent on process_instances (parent_id, partition) where parent_id > 0;
create index process_instances_tagged on process_instances using gin (tags) where tags is not null;
