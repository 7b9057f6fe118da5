-- A variable that is set again keeps its number, and no index has anything to do with its value: the room left on each
-- page keeps its new version beside the old one. A variable of the process instance itself has element instance 0.
create table variables (
    tenant text collate "C" not null,
    partition date not null,
    id integer not null,
    element_id integer not null,
    element_instance_id integer not null,
    process_id integer not null,
    process_instance_id integer not null,
    name text collate "C" not null,
    created_at timestamptz not null,
    created_by text not null,
    encoding text not null,
    encrypted boolean not null,
    value text not null,
    sealed_for text not null,
    updated_at timestamptz not null,
    updated_by text not null,
    primary key (tenant, partition, id)
) with (fillfactor = 80);
create index variables_of_instance on variables (process_instance_id, partition);
create index variables_of_element_instance on variables (element_instance_id, partition) where element_instance_id > 0;
