-- Those that wait now: a row goes with the message that it met.
create table message_subscriptions (
    tenant text collate "C" not null,
    id bigint not null,
    partition date not null,
    element_id integer not null,
    element_instance_id integer not null,
    process_id integer not null,
    process_instance_id integer not null,
    bpmn_element_id text not null,
    correlation_key text collate "C" not null,
    created_at timestamptz not null,
    created_by text not null,
    name text collate "C" not null,
    primary key (tenant, id)
) with (autovacuum_vacuum_scale_factor = 0.05);
create index message_subscriptions_of_instance on message_subscriptions (process_instance_id, partition);
create index message_subscriptions_named on message_subscriptions (tenant, name, id);
create index message_subscriptions_keyed on message_subscriptions (tenant, correlation_key, id);
