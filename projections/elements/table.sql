-- ``event_definition`` is the JSON of what an event catches or throws. ``starts`` is set for a definition that starts
-- instances, to the BPMN id of its process: it is suspended when a newer version is deployed.
create table elements (
    tenant text collate "C" not null,
    id integer not null,
    process_id integer not null,
    bpmn_element_id text not null,
    bpmn_element_type text not null,
    bpmn_element_name text not null,
    parent_bpmn_element_id text not null,
    multi_instance boolean not null,
    event_definition text,
    starts text collate "C",
    suspended boolean not null,
    primary key (tenant, id)
);
create index elements_of_process on elements (process_id, id);
create index elements_starting on elements (tenant, starts) where starts is not null and not suspended;
