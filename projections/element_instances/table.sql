-- The tables that every instance writes several rows to. A row changes when its element instance ends, and no index has
-- anything to do with that: the room left on each page keeps its new version beside the old one.
create table element_instances (
    tenant text collate "C" not null,
    partition date not null,
    id integer not null,
    parent_id integer not null,
    element_id integer not null,
    process_id integer not null,
    process_instance_id integer not null,
    bpmn_element_id text not null,
    created_at timestamptz not null,
    created_by text not null,
    multi_instance boolean not null,
    state text not null,
    started_at timestamptz,
    ended_at timestamptz,
    primary key (tenant, partition, id)
) with (fillfactor = 70);
create index element_instances_of_instance on element_instances (process_instance_id, partition);
create index element_instances_of_process on element_instances (process_id, partition, id);

-- Those that have not ended: few, however long the history. A question for what is waiting starts here, because an index
-- on the state would have to be kept with every change of it.
create table element_instances_open (
    tenant text collate "C" not null,
    partition date not null,
    id integer not null,
    primary key (tenant, partition, id)
) with (autovacuum_vacuum_scale_factor = 0.05);

-- The type of each element that was ever deployed.
create table element_instances_types (
    element_id integer primary key,
    bpmn_element_type text not null
);
