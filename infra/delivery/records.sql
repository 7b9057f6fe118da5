-- name: deliveries
-- Those of the webhook $1 with a number below $2 (null: any), in the states $3 (none: any), the newest first.
select webhook, position, sequence, type, state, created_at, attempts, next_attempt_at, last_attempt_at, last_outcome,
       last_status, delivered_at, era
  from delivery.deliveries
 where webhook = $1
   and ($2::bigint is null or sequence < $2)
   and (cardinality($3::text[]) = 0 or state = any ($3))
 order by sequence desc
 limit $4;

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
