-- The chain of hashes over the log: whoever keeps one hash elsewhere can tell later whether any event up to its position
-- is still what it was. A follower writes it behind the appends; it never changes what is there.
--
-- Each event has a leaf, a SHA-256 of all its columns. The hash at a position is made from the hash at the position
-- before and the leaf: it depends on the history alone, not on how many events were hashed together.

create table log.chain (
    upto bigint primary key,        -- the position whose hash this is
    after bigint not null unique,   -- where the row before ends
    hash bytea not null check (octet_length(hash) = 32),
    leaves bytea not null,          -- of the events after `after`, 32 bytes each: they say which event was changed
    chained_at timestamptz not null default now(),
    check (upto > after and octet_length(leaves) = 32 * (upto - after))
);
-- Hashes cannot be compressed.
alter table log.chain alter column leaves set storage external;

-- A text as it is hashed: its length in bytes (-1: there is none), then itself.
create function log.chain_text(value text) returns bytea language sql stable parallel safe return
    int4send(coalesce(octet_length(value), -1)) || convert_to(coalesce(value, ''), 'UTF8');

-- The leaf of an event. The first byte says that it is a leaf, the second is the version of this form. Times are
-- microseconds since 2000-01-01 UTC.
create function log.chain_leaf(
    notification_id bigint,
    originator_id text,
    originator_version bigint,
    topic text,
    state bytea,
    tenant text,
    actor_kind text,
    actor_id text,
    happened_at timestamptz,
    recorded_at timestamptz,
    correlation_id text,
    causation_id text,
    traceparent text
) returns bytea language sql stable parallel safe return
    sha256('\x0001'::bytea
        || int8send(notification_id) || int8send(originator_version)
        || timestamptz_send(happened_at) || timestamptz_send(recorded_at)
        || log.chain_text(originator_id) || log.chain_text(topic) || log.chain_text(tenant)
        || log.chain_text(actor_kind) || log.chain_text(actor_id)
        || log.chain_text(correlation_id) || log.chain_text(causation_id) || log.chain_text(traceparent)
        || int4send(octet_length(state)) || state);

-- The hash behind some leaves in a row.
create function log.chain_hash(before bytea, leaves bytea) returns bytea language plpgsql immutable as $$
declare
    hash bytea := before;
begin
    for place in 0 .. octet_length(leaves) / 32 - 1 loop
        hash := sha256('\x01'::bytea || hash || substr(leaves, 32 * place + 1, 32));
    end loop;
    return hash;
end $$;

-- Add a row of at most so many events to the chain. `reached` is where it ends then, `head` where the log ends. With a
-- `fault` nothing is added: `rewound` (the log ends before the chain), `changed` (the last event of the chain is not
-- what it was) or `missing` (positions are, behind the chain).
create function log.extend_chain(most integer, out reached bigint, out head bigint, out fault text)
language plpgsql
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
    last log.chain;
    now_reached bigint;
    next_leaves bytea;
begin
    -- Read first: what stands up to here was committed when the events are read.
    select position into head from log.head;
    select * into last from log.chain order by upto desc limit 1;
    reached := coalesce(last.upto, 0);
    if reached > head then
        fault := 'rewound';
        return;
    end if;
    if reached > 0 and not exists (
        select from log.events as e
         where e.notification_id = reached
           and substr(last.leaves, octet_length(last.leaves) - 31) = log.chain_leaf(
                   e.notification_id, e.originator_id, e.originator_version, e.topic, e.state, e.tenant, e.actor_kind,
                   e.actor_id, e.happened_at, e.recorded_at, e.correlation_id, e.causation_id, e.traceparent))
    then
        fault := 'changed';
        return;
    end if;
    now_reached := least(reached + most, head);
    if now_reached = reached then
        return;
    end if;
    select string_agg(log.chain_leaf(
               e.notification_id, e.originator_id, e.originator_version, e.topic, e.state, e.tenant, e.actor_kind,
               e.actor_id, e.happened_at, e.recorded_at, e.correlation_id, e.causation_id, e.traceparent),
               ''::bytea order by e.notification_id)
      into next_leaves
      from log.events as e
     where e.notification_id > reached and e.notification_id <= now_reached;
    if coalesce(octet_length(next_leaves), 0) <> 32 * (now_reached - reached) then
        fault := 'missing';
        return;
    end if;
    insert into log.chain (upto, after, hash, leaves)
    values (now_reached, reached, log.chain_hash(coalesce(last.hash, decode(repeat('00', 32), 'hex')), next_leaves), next_leaves);
    reached := now_reached;
end $$;
