-- A message is correlated and closed once at most. ``expires_at`` is null while it is correlated and not closed.
create table messages (
    tenant text collate "C" not null,
    id bigint not null,
    name text collate "C" not null,
    correlation_key text not null,
    unique_key text not null,
    created_at timestamptz not null,
    created_by text not null,
    expires_at timestamptz,
    correlated boolean not null,
    primary key (tenant, id)
);
create index messages_named on messages (tenant, name, id);
create index messages_expiring on messages (tenant, expires_at);
