-- name: head
select position from log.head;

-- name: stretch
-- The facts after $1 up to $2, of the tenant $3 (null: of all), of the types $4 and those that begin with $5 (neither:
-- of all): at most $6 of them, and no more once they have $7 bytes. One is always returned, however large it is.
select notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id, traceparent
  from (select *, sum(octet_length(state)) over (order by notification_id) - octet_length(state) as bytes_before
          from log.events
         where notification_id > $1 and notification_id <= $2
           and ($3::text is null or tenant = $3)
           and (cardinality($4::text[]) + cardinality($5::text[]) = 0 or topic = any ($4) or topic ^@ any ($5))
         order by notification_id
         limit $6) as part
 where bytes_before < $7
 order by notification_id;

-- name: places
-- The same, but for the bounds, as positions and streams alone.
select notification_id, originator_id
  from log.events
 where notification_id > $1 and notification_id <= $2
   and ($3::text is null or tenant = $3)
   and (cardinality($4::text[]) + cardinality($5::text[]) = 0 or topic = any ($4) or topic ^@ any ($5))
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
-- The facts of the stream $1 after version $2, at most to version $3 and to position $4, of the tenant $5 (null: of
-- any), of the types $6 and those that begin with $7 (neither: of all): at most $8 of them, and no more once they have
-- $9 bytes.
select notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id, traceparent
  from (select *, sum(octet_length(state)) over (order by originator_version) - octet_length(state) as bytes_before
          from log.events
         where originator_id = $1 and originator_version > $2 and originator_version <= $3 and notification_id <= $4
           and ($5::text is null or tenant = $5)
           and (cardinality($6::text[]) + cardinality($7::text[]) = 0 or topic = any ($6) or topic ^@ any ($7))
         order by originator_version
         limit $8) as part
 where bytes_before < $9
 order by notification_id;

-- name: position_of
select notification_id from log.events where originator_id = $1 and originator_version = $2 and notification_id <= $3;
