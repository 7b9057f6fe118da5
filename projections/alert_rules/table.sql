-- Rules that are not deleted. ``version`` is that of the rule's stream, ``scope`` and ``channels`` are JSON texts.
create table alert_rules (
    rule text collate "C" primary key,  -- the ULID
    tenant text collate "C" not null,
    version integer not null,
    name text not null,
    description text not null,
    module text not null,
    metric text not null,
    operator text not null,
    threshold double precision not null,
    window_minutes integer not null,
    cooldown_minutes integer not null,
    scope text not null,
    channels text not null,
    enabled boolean not null,
    created_at timestamptz not null,
    created_by text not null,
    updated_at timestamptz not null,
    updated_by text not null,
    last_fired_at timestamptz,
    last_incident text not null,        -- the ULID; empty before the first
    last_error text not null            -- empty where the last evaluation came to an end
);
create unique index alert_rules_listed on alert_rules (tenant, rule);
