-- name: head
select position from log.head;

-- name: stretch
-- The facts after $1 up to $2, of the tenant $3 (null: of all) and the topics $4 (none: of all): at most $5 of them, and
-- no more once they have $6 bytes. One is always returned, however large it is.
select notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id, traceparent
  from (select *, sum(octet_length(state)) over (order by notification_id) - octet_length(state) as bytes_before
          from log.events
         where notification_id > $1 and notification_id <= $2
           and ($3::text is null or tenant = $3)
           and (cardinality($4::text[]) = 0 or topic = any ($4))
         order by notification_id
         limit $5) as part
 where bytes_before < $6
 order by notification_id;

-- name: places
-- The same, but for the bounds, as positions and streams alone.
select notification_id, originator_id
  from log.events
 where notification_id > $1 and notification_id <= $2
   and ($3::text is null or tenant = $3)
   and (cardinality($4::text[]) = 0 or topic = any ($4))
 order by notification_id;

-- name: chosen
-- The facts at these positions, no more once they have $2 bytes.
select notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id, traceparent
  from (select *, sum(octet_length(state)) over (order by notification_id) - octet_length(state) as bytes_before
          from log.events
         where notification_id = any ($1)) as part
 where bytes_before < $2
 order by notification_id;

-- name: begin_of_stream
-- The last version of the stream $1 at or before position $2, by halves: versions rise with positions.
with recursive search (low, high) as (
    select 0::bigint, version from log.streams where stream = $1
    union all
    select case when at.notification_id > $2 then low else middle end,
           case when at.notification_id > $2 then middle - 1 else high end
      from (select low, high, (low + high + 1) / 2 as middle from search where low < high) as half
      join log.events as at on at.originator_id = $1 and at.originator_version = half.middle
)
select max(low) from search;

-- name: of_stream
-- The facts of the stream $1 after version $2, at most to version $3 and to position $4, of the tenant $5 (null: of any)
-- and the topics $6 (none: of all): at most $7 of them, and no more once they have $8 bytes.
select notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id, traceparent
  from (select *, sum(octet_length(state)) over (order by originator_version) - octet_length(state) as bytes_before
          from log.events
         where originator_id = $1 and originator_version > $2 and originator_version <= $3 and notification_id <= $4
           and ($5::text is null or tenant = $5)
           and (cardinality($6::text[]) = 0 or topic = any ($6))
         order by originator_version
         limit $7) as part
 where bytes_before < $8
 order by notification_id;

-- name: position_of
select notification_id from log.events where originator_id = $1 and originator_version = $2 and notification_id <= $3;
