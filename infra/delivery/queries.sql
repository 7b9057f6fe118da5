-- name: progress
select progress.position, silent_upto, failed_at, head.position as head,
       era is distinct from log.era_at(9223372036854775807) as turned
  from delivery.progress
 cross join log.head;

-- name: turn_back
-- Go back to where the first era began that is not known yet. None is known where the known one is gone itself.
update delivery.progress
   set position = least(position, began_after), silent_upto = least(silent_upto, began_after),
       era = log.era_at(9223372036854775807), failed_at = null, error = null, failed_since = null
  from (select min(began_after) as began_after
          from log.eras
         where number > coalesce((select number from log.eras where id = (select era from delivery.progress)), 1)) as new
returning progress.position;

-- name: lose
-- What is not in the log any more is not sent; an attempt that is under way decides nothing. Up to $1 nothing has changed.
update delivery.deliveries
   set state = 'lost', next_attempt_at = null, schedule = schedule + 1
 where state in ('pending', 'failed') and position > $1 and era <> log.era_at(position);

-- name: lose_replays
delete from delivery.replays where requested_at > $1;

-- name: lose_verdicts
-- What an ordered webhook could not get past is gone.
update delivery.webhooks
   set stuck_at = null, to_disable = null, to_disable_since = null
 where stuck_at > $1;

-- name: facts_of_all_webhooks
-- Everything up to $1 that has become of webhooks.
select notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id, traceparent
  from log.events
 where originator_id >= 'webhook-' and originator_id < 'webhook.' and notification_id <= $1
 order by notification_id;

-- name: facts_of_webhooks
select notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id, traceparent
  from log.events
 where notification_id > $1 and notification_id <= $2 and topic like 'webhook.%'
 order by notification_id;

-- name: places
-- What happened to these tenants after $1 up to $2, the first $4.
select notification_id, originator_id, topic, tenant
  from log.events
 where notification_id > $1 and notification_id <= $2 and tenant = any ($3)
 order by notification_id
 limit $4;

-- name: entries
-- The facts at these positions, no more once they have $2 bytes.
select notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id, traceparent
  from (select *, sum(octet_length(state)) over (order by notification_id) - octet_length(state) as bytes_before
          from log.events
         where notification_id = any ($1)) as part
 where bytes_before < $2
 order by notification_id;

-- name: move
update delivery.progress
   set position = $2, failed_at = null, error = null, failed_since = null
 where position = $1
returning true;

-- name: stall
update delivery.progress
   set failed_at = $1, error = $2,
       failed_since = case when failed_at = $1 then failed_since else now() end;

-- name: write_webhooks
insert into delivery.webhooks as known (webhook, tenant, state, active, ordered, sequence)
select * from unnest($1::text[], $2::text[], $3::bytea[], $4::boolean[], $5::boolean[], $6::bigint[])
on conflict (webhook) do update
   set state = excluded.state, active = excluded.active, ordered = excluded.ordered, deleted = false,
       sequence = greatest(known.sequence, excluded.sequence);

-- name: forget_webhooks
update delivery.webhooks set active = false, deleted = true where webhook = any ($1);

-- name: settle
-- What was to become of these webhooks has become a fact, or something else has.
update delivery.webhooks set to_disable = null, to_disable_since = null where webhook = any ($1);

-- name: move_away
-- What the receiver before has failed to do is no fault of the next one.
update delivery.webhooks set failing_since = null where webhook = $1;

-- name: stuck_at
select stuck_at from delivery.webhooks where webhook = $1;

-- name: enable
-- Everything begins anew.
update delivery.webhooks
   set failing_since = null, stuck_at = null, to_disable = null, to_disable_since = null
 where webhook = $1;

-- name: hurry
-- What waits for its next attempt need not, up to a number that does not hold others up.
update delivery.deliveries
   set next_attempt_at = $2
 where webhook = $1
   and sequence = any (array(select sequence
                               from delivery.deliveries
                              where webhook = $1 and state = 'pending' and next_attempt_at > $2
                              order by next_attempt_at
                              limit 10000));

-- name: schedule
-- The webhooks are in order within each position, and numbered so.
insert into delivery.deliveries
       (webhook, position, era, sequence, type, body, traceparent, created_at, next_attempt_at)
select *, $8, $8 from unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::bytea[], $7::text[])
on conflict (webhook, position, era) do nothing;

-- name: reschedule
-- Deliver these events to the webhook $1 once more, from now on.
update delivery.deliveries
   set state = 'pending', schedule = schedule + 1, tries = 0, next_attempt_at = $3
 where webhook = $1 and position = any ($2) and era = log.era_at(position)
returning position;

-- name: add_replay
insert into delivery.replays (webhook, requested_at, after, upto) values ($1, $2, $3, $4);

-- name: replays
-- One of each webhook that has something left to replay, the oldest first.
select distinct on (webhook) webhook, requested_at, after, upto
  from delivery.replays
  join delivery.webhooks using (webhook)
 where active
 order by webhook, requested_at;

-- name: backlog_of
select count(*) from (select from delivery.deliveries where webhook = $1 and state = 'pending' limit $2) as pending;

-- name: advance_replay
update delivery.replays set after = $3 where webhook = $1 and requested_at = $2;

-- name: end_replay
delete from delivery.replays where webhook = $1 and requested_at = $2;

-- name: with_something_due
-- The webhooks to which something is to be sent by $1.
select webhook
  from delivery.webhooks
 where active and to_disable is null
   and exists (select
                 from delivery.deliveries
                where deliveries.webhook = webhooks.webhook and state = 'pending' and next_attempt_at <= $1);

-- name: due
-- What is due by $1 of the webhooks $2, of each as many as $3 says, but what is on its way already ($4, $5).
-- Of an ordered webhook that is only what comes next, when that is due. Nothing is until deliveries know of the latest era.
select due.webhook, due.position, due.era, due.sequence, due.schedule, due.tries, due.attempts, due.body, due.traceparent, tenant, webhooks.state
  from unnest($2::text[], $3::integer[]) as asked (webhook, room)
  join delivery.webhooks using (webhook)
 cross join lateral (
       select *
         from delivery.deliveries
        where deliveries.webhook = asked.webhook and state = 'pending' and next_attempt_at <= $1
          and not exists (select from unnest($4::text[], $5::bigint[]) as taken (webhook, sequence)
                           where taken.webhook = deliveries.webhook and taken.sequence = deliveries.sequence)
        order by next_attempt_at, sequence
        limit asked.room) as due
 where active and not ordered and to_disable is null
   and (select era from delivery.progress) = (select log.era_at(9223372036854775807))
union all
select next.webhook, next.position, next.era, next.sequence, next.schedule, next.tries, next.attempts, next.body, next.traceparent, tenant, webhooks.state
  from unnest($2::text[]) as asked (webhook)
  join delivery.webhooks using (webhook)
 cross join lateral (
       select *
         from delivery.deliveries
        where deliveries.webhook = asked.webhook and state = 'pending'
        order by sequence
        limit 1) as next
 where active and ordered and to_disable is null and next_attempt_at <= $1
   and asked.webhook <> all ($4)
   and (select era from delivery.progress) = (select log.era_at(9223372036854775807));

-- name: record
-- Attempts that have ended, each with how many there were before it. One of an earlier schedule changes nothing of what
-- is to be done by now; one that was written down already, by a commit whose answer got lost, changes nothing at all.
with made as (
    select *
      from unnest($1::text[], $2::bigint[], $3::integer[], $4::timestamptz[], $5::integer[], $6::text[], $7::integer[],
                  $8::text[], $9::text[], $10::timestamptz[], $11::integer[])
        as m (webhook, sequence, schedule, started_at, milliseconds, outcome, status, url, state, next_attempt_at, before)
), changed as (
    update delivery.deliveries as d
       set attempts = d.attempts + 1, last_attempt_at = m.started_at, last_outcome = m.outcome, last_status = m.status,
           delivered_at = case when m.outcome = 'delivered'
                               then m.started_at + m.milliseconds * interval '1 millisecond'
                               else d.delivered_at end,
           state = case when d.schedule = m.schedule then m.state else d.state end,
           tries = case when d.schedule = m.schedule then d.tries + 1 else d.tries end,
           next_attempt_at = case when d.schedule = m.schedule then m.next_attempt_at else d.next_attempt_at end
      from made as m
     where d.webhook = m.webhook and d.sequence = m.sequence and d.attempts = m.before
    returning d.webhook, d.position, d.era, d.sequence, d.attempts
)
insert into delivery.attempts (webhook, position, era, number, started_at, milliseconds, outcome, status, url)
select webhook, position, era, changed.attempts, started_at, milliseconds, outcome, status, url
  from changed
  join made using (webhook, sequence);

-- name: judge
-- How receivers do: $2 where one is, $3 whether it has taken something, $4 since when it has not, $5 whether it says that
-- it is gone, $6 the number of what its webhook, if that is ordered, cannot get past, by which schedule ($7). Nothing taken
-- since before $8 is reason enough to disable it. One from which a webhook has moved away says nothing of it, an earlier schedule
-- nothing of what is to be done by now.
update delivery.webhooks as known
   set failing_since = case when seen.well then null else coalesce(known.failing_since, seen.since) end,
       stuck_at = coalesce(seen.stuck_at, known.stuck_at),
       to_disable = coalesce(known.to_disable, seen.verdict),
       to_disable_since = coalesce(known.to_disable_since, case when seen.verdict is not null then $9::timestamptz end)
  from (select seen.webhook, well, since, stuck.position as stuck_at,
               case when not active then null
                    when gone then 'gone'
                    when stuck.position is not null then 'failing'
                    when not well and coalesce(failing_since, since) <= $8::timestamptz then 'failing' end as verdict
          from unnest($1::text[], $2::text[], $3::boolean[], $4::timestamptz[], $5::boolean[], $6::bigint[], $7::integer[])
            as seen (webhook, url, well, since, gone, sequence, schedule)
          join delivery.webhooks as told
            on told.webhook = seen.webhook and convert_from(told.state, 'UTF8')::json ->> 'url' = seen.url
          left join delivery.deliveries as stuck
            on stuck.webhook = seen.webhook and stuck.sequence = seen.sequence and stuck.schedule = seen.schedule) as seen
 where known.webhook = seen.webhook;

-- name: put_off
-- What cannot even be tried.
update delivery.deliveries set next_attempt_at = $3 where webhook = $1 and sequence = $2 and state = 'pending';

-- name: to_disable
select webhook, tenant, to_disable, to_disable_since from delivery.webhooks where to_disable is not null and active;

-- name: figures
-- How much is to be sent to webhooks that are not disabled, counted up to 100,000, and since when the oldest of that is due.
-- Of an ordered webhook only what comes next can be.
select (select count(*)
          from (select
                  from delivery.webhooks
                 cross join lateral (select
                                       from delivery.deliveries
                                      where deliveries.webhook = webhooks.webhook and state = 'pending'
                                      limit 100000) as pending
                 where active
                 limit 100000) as counted),
       (select min(next_attempt_at)
          from delivery.webhooks
         cross join lateral ((select next_attempt_at
                                from delivery.deliveries
                               where deliveries.webhook = webhooks.webhook and state = 'pending' and not ordered
                               order by next_attempt_at
                               limit 1)
                             union all
                             (select next_attempt_at
                                from delivery.deliveries
                               where deliveries.webhook = webhooks.webhook and state = 'pending' and ordered
                               order by sequence
                               limit 1)) as next
         where active and next_attempt_at <= $1);

-- name: prune
-- What an ordered webhook is stuck at it goes on with when it is enabled.
with old as (
    select webhook, sequence
      from delivery.deliveries
     where coalesce(last_attempt_at, created_at) < $1 and state <> 'pending'
       and not exists (select from delivery.webhooks
                        where webhooks.webhook = deliveries.webhook and stuck_at = deliveries.position and not deleted)
     order by coalesce(last_attempt_at, created_at)
     limit $2
)
delete from delivery.deliveries using old where deliveries.webhook = old.webhook and deliveries.sequence = old.sequence
returning true;

-- name: prune_deleted
with gone as (
    select webhook, sequence
      from delivery.deliveries
     where webhook = any (array(select webhook from delivery.webhooks where deleted))
     limit $1
)
delete from delivery.deliveries using gone where deliveries.webhook = gone.webhook and deliveries.sequence = gone.sequence
returning true;

-- name: forget_deleted
delete from delivery.webhooks
 where deleted and not exists (select from delivery.deliveries where deliveries.webhook = webhooks.webhook);
