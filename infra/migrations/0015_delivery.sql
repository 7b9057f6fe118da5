-- What is delivered to webhooks, and what became of it (docs/adr/0019). It is neither events, for then it would be delivered
-- in turn, nor a read model: nobody can say from the log what has been sent. A rebuild touches none of it.
--
-- Only the holder of the lease "delivery" writes here, and looks its epoch up in the same transaction.

create schema delivery;

-- How far the log has been told: one row. Facts up to silent_upto are known and not delivered: they happened before there
-- were deliveries, or came with an import.
create table delivery.progress (
    only_one boolean primary key default true check (only_one),
    position bigint not null,
    silent_upto bigint not null default 0,
    failed_at bigint,               -- the fact that cannot be read; nothing behind it is told until it can
    error text,
    failed_since timestamptz,
    check ((failed_at is null) = (error is null) and (failed_at is null) = (failed_since is null))
) with (fillfactor = 30);

insert into delivery.progress (position, silent_upto) select 0, position from log.head;

-- Webhooks as they are at that position.
create table delivery.webhooks (
    webhook text collate "C" primary key,   -- ULID
    tenant text collate "C" not null,
    state bytea not null,                   -- domain/webhooks/webhook.py, as JSON
    active boolean not null,                -- something is sent: it is neither disabled nor deleted
    ordered boolean not null,
    sequence bigint not null default 0,     -- of the newest delivery
    failing_since timestamptz,              -- nothing has been taken since; null while all is well
    stuck_at bigint,                        -- the position that an ordered webhook could not get past
    to_disable text,                        -- why it has to be, until that is a fact
    to_disable_since timestamptz,
    deleted boolean not null default false  -- it goes when its deliveries have gone
) with (fillfactor = 50);

-- One row for each event that a webhook is told of. Number and body are what they are from the beginning: every attempt
-- sends the same bytes. Without next_attempt_at nothing is to be done.
create table delivery.deliveries (
    webhook text collate "C" not null,
    position bigint not null,
    sequence bigint not null,
    type text not null,
    body bytea not null,
    traceparent text,
    state text not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
    created_at timestamptz not null,
    schedule integer not null default 1,    -- each redelivery begins a new one
    tries integer not null default 0,       -- attempts of this schedule
    attempts integer not null default 0,    -- attempts of all
    next_attempt_at timestamptz,
    last_attempt_at timestamptz,
    last_outcome text,
    last_status integer,
    delivered_at timestamptz,
    primary key (webhook, position),
    unique (webhook, sequence),
    check ((state = 'pending') = (next_attempt_at is not null))
) with (fillfactor = 80);

create index deliveries_due on delivery.deliveries (webhook, next_attempt_at, sequence) where state = 'pending';
create index deliveries_open on delivery.deliveries (webhook, sequence) where state <> 'delivered';
create index deliveries_by_age on delivery.deliveries (created_at);

-- What was sent where and when, and how it ended. Nothing of the answer is kept but its status.
create table delivery.attempts (
    webhook text collate "C" not null,
    position bigint not null,
    number integer not null,
    started_at timestamptz not null,
    milliseconds integer not null,
    outcome text not null,
    status integer,
    url text not null,
    primary key (webhook, position, number),
    foreign key (webhook, position) references delivery.deliveries on delete cascade
);

-- Replays that are under way; after moves up to upto.
create table delivery.replays (
    webhook text collate "C" not null references delivery.webhooks on delete cascade,
    requested_at bigint not null,           -- the position of the request
    after bigint not null,
    upto bigint not null,
    primary key (webhook, requested_at)
);
