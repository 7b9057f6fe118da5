-- name: part
-- The facts of the stream $1 after version $2: at most $3 of them, and no more once they have $4 bytes. One is always
-- returned, however large it is.
select notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id
  from (select *, sum(octet_length(state)) over (order by originator_version) - octet_length(state) as bytes_before
          from log.events
         where originator_id = $1 and originator_version > $2
         order by originator_version
         limit $3) as part
 where bytes_before < $4
 order by originator_version;

-- name: first
-- Whose the stream $1 is, None where there is none.
select tenant from log.events where originator_id = $1 and originator_version = 1;

-- name: at
-- Which fact is at the version $2 of the stream $1.
select notification_id, correlation_id from log.events where originator_id = $1 and originator_version = $2;

-- name: length
-- The version of the last fact of the stream $1.
select max(originator_version) from log.events where originator_id = $1;

-- name: named
-- The facts that are named by stream and version, of the tenant $3.
select originator_id, originator_version, notification_id, topic
  from unnest($1::text[], $2::bigint[]) as named (stream, version)
  join log.events on originator_id = named.stream and originator_version = named.version
 where tenant = $3;

-- name: begun_by
-- For each of the positions $1 the first fact of the append that it is in. What is appended together stands together and
-- has one command and one moment, so that its beginning is found by halves.
-- Few appends are longer than 128 facts: as a rule seven steps are enough.
with recursive halves (place, low, high) as (
    select place, case when far.together then 1 else greatest(1, place - 127) end, place
      from unnest($1::bigint[]) as place
      left join lateral (
            select (tried.correlation_id, tried.recorded_at) = (own.correlation_id, own.recorded_at) as together
              from log.events as own, log.events as tried
             where own.notification_id = place and tried.notification_id = place - 128) as far on true
    union all
    select place,
           case when together then low else middle + 1 end,
           case when together then middle else high end
      from (select place, low, high, middle,
                   (tried.correlation_id, tried.recorded_at) = (own.correlation_id, own.recorded_at) as together
              from (select place, low, high, (low + high) / 2 as middle from halves where low < high) as half
              join log.events as own on own.notification_id = half.place
              join log.events as tried on tried.notification_id = half.middle) as looked_at
)
select place, originator_id, originator_version, notification_id, topic
  from halves join log.events on notification_id = low
 where low = high;

-- name: last_before
-- The last fact of the stream $1 before version $2, not more than $3 before it, of the topic $4 whose state begins so.
select originator_id, originator_version, notification_id, topic
  from log.events
 where originator_id = $1 and originator_version < $2 and originator_version >= $2 - $3
   and topic = $4 and substring(state from 1 for octet_length($5::bytea)) = $5
 order by originator_version desc
 limit 1;
