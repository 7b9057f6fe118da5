-- A user task changes with each revision, and mostly its tags do not: the room left on each page keeps its new versions
-- beside the old ones.
create table user_tasks (
    tenant text collate "C" not null,
    partition date not null,
    id integer not null,
    element_id integer not null,
    element_instance_id integer not null,
    process_id integer not null,
    process_instance_id integer not null,
    bpmn_element_id text not null,
    correlation_key text not null,
    created_at timestamptz not null,
    created_by text not null,
    revision integer not null,
    state text not null,
    tags jsonb,
    updated_at timestamptz not null,
    updated_by text not null,
    primary key (tenant, partition, id)
) with (fillfactor = 60);
create index user_tasks_of_instance on user_tasks (process_instance_id, partition);
create index user_tasks_of_element_instance on user_tasks (element_instance_id, partition);
create index user_tasks_of_process on user_tasks (process_id, partition, id);
create index user_tasks_tagged on user_tasks using gin (tags) where tags is not null;
