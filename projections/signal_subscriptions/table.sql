-- Those that wait now: a row goes with the signal that it met.
create table signal_subscriptions (
    tenant text collate "C" not null,
    id bigint not null,
    partition date not null,
    element_id integer not null,
    element_instance_id integer not null,
    process_id integer not null,
    process_instance_id integer not null,
    bpmn_element_id text not null,
    created_at timestamptz not null,
    created_by text not null,
    name text collate "C" not null,
    primary key (tenant, id)
) with (autovacuum_vacuum_scale_factor = 0.05);
create index signal_subscriptions_of_instance on signal_subscriptions (process_instance_id, partition);
create index signal_subscriptions_named on signal_subscriptions (tenant, name, id);
