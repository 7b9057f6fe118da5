-- Webhooks that are not deleted.
create table webhooks (
    webhook text collate "C" primary key,  -- the ULID
    tenant text collate "C" not null,
    url text not null,
    description text not null,
    types text[] not null,                 -- none for all
    process_key text not null,             -- empty for any
    ordered boolean not null,
    disabled text not null,                -- why; empty where it is not
    disabled_at timestamptz,
    created_at timestamptz not null,
    created_by text not null,
    updated_at timestamptz not null,
    updated_by text not null,
    rotated_at timestamptz                 -- its secret, the last time
);
create unique index webhooks_listed on webhooks (tenant, webhook);
