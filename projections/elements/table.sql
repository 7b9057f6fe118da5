create table elements (
    tenant text collate "C" not null,
    id integer not null,
    process_id integer not null,
    bpmn_element_id text not null,
    bpmn_element_type text not null,
    bpmn_element_name text not null,
    parent_bpmn_element_id text not null,
    primary key (tenant, id)
);
create index elements_of_process on elements (process_id, id);
