-- A task is locked and done a moment after it is made, and no index has anything to do with that: the room left on each
-- page keeps its new versions beside the old ones. Ids that do not apply are 0.
create table tasks (
    tenant text collate "C" not null,
    partition date not null,
    id integer not null,
    element_id integer not null,
    element_instance_id integer not null,
    process_id integer not null,
    process_instance_id integer not null,
    bpmn_element_id text not null,
    created_at timestamptz not null,
    created_by text not null,
    due_at timestamptz not null,
    retry_count integer not null,
    type text not null,
    serialized_task text not null,
    state text not null,
    locked_at timestamptz,
    locked_by text not null,
    completed_at timestamptz,
    error text not null,
    primary key (tenant, partition, id)
) with (fillfactor = 50);
create index tasks_of_instance on tasks (process_instance_id, partition);
create index tasks_of_element_instance on tasks (element_instance_id, partition);
create index tasks_of_process on tasks (process_id, partition, id);
