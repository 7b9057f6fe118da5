-- name: deliveries
-- Those of the webhook $1 with a number below $2, the newest $3 first.
select webhook, position, sequence, type, state, created_at, attempts, next_attempt_at, last_attempt_at, last_outcome,
       last_status, delivered_at, era
  from delivery.deliveries
 where webhook = $1 and sequence < $2
 order by sequence desc
 limit $3;

-- name: deliveries_in
-- Those that are in the states $4: each by its own index, so that few of them are found among many others.
select webhook, position, sequence, type, state, created_at, attempts, next_attempt_at, last_attempt_at, last_outcome,
       last_status, delivered_at, era
  from delivery.deliveries
 where webhook = $1
   and sequence = any (array(
       select sequence
         from ((select sequence
                  from delivery.deliveries
                 where webhook = $1 and sequence < $2 and state = 'pending' and 'pending' = any ($4::text[])
                 order by sequence desc
                 limit $3)
               union all
               (select sequence
                  from delivery.deliveries
                 where webhook = $1 and sequence < $2 and state = 'delivered' and 'delivered' = any ($4)
                 order by sequence desc
                 limit $3)
               union all
               (select sequence
                  from delivery.deliveries
                 where webhook = $1 and sequence < $2 and state = 'failed' and 'failed' = any ($4)
                 order by sequence desc
                 limit $3)
               union all
               (select sequence
                  from delivery.deliveries
                 where webhook = $1 and sequence < $2 and state = 'lost' and 'lost' = any ($4)
                 order by sequence desc
                 limit $3)) as found
        order by sequence desc
        limit $3))
 order by sequence desc;

-- name: delivery
select webhook, position, sequence, type, state, created_at, attempts, next_attempt_at, last_attempt_at, last_outcome,
       last_status, delivered_at, era
  from delivery.deliveries
 where webhook = $1 and position = $2 and era = $3;

-- name: attempts
-- The newest $4 attempts, in their order.
select number, started_at, milliseconds, outcome, status, url
  from (select *
          from delivery.attempts
         where webhook = $1 and position = $2 and era = $3
         order by number desc
         limit $4) as newest
 order by number;

-- name: scheduled_upto
select position from delivery.progress;

-- name: era_at
select log.era_at($1);

-- name: in_log
-- Whether the log has the event of the position $1 and of the era $2, or has lost it.
select log.era_at($1) = $2 and exists (select from log.events where notification_id = $1);
