-- name: extend
-- Add a row of at most $1 events to the chain, and no more once they have $2 bytes.
select reached, head, fault
  from log.extend_chain((
       select greatest(count(*), 1)::integer
         from (select sum(octet_length(state)) over (order by notification_id) - octet_length(state) as bytes_before
                 from log.events
                where notification_id > (select coalesce(max(upto), 0) from log.chain)
                order by notification_id
                limit $1) as next
        where bytes_before < $2));

-- name: chained_head
-- The last head of the chain, and where the log ends.
select chain.upto, chain.hash, chain.chained_at, head.position
  from log.chain
 cross join log.head
 order by chain.upto desc
 limit 1;

-- name: head
select position from log.head;

-- name: events
-- The events after $1 up to $2, as they are hashed: at most $3 of them, and no more once they have $4 bytes. One is
-- always returned, however large it is.
select notification_id, originator_version, timestamptz_send(happened_at), timestamptz_send(recorded_at),
       originator_id, topic, tenant, actor_kind, actor_id, correlation_id, causation_id, traceparent, state
  from (select *, sum(octet_length(state)) over (order by notification_id) - octet_length(state) as bytes_before
          from log.events
         where notification_id > $1 and notification_id <= $2
         order by notification_id
         limit $3) as part
 where bytes_before < $4
 order by notification_id;

-- name: links
-- The rows of the chain that end after $1: at most $2 of them, and no more once they have $3 bytes.
select after, upto, hash, leaves
  from (select *, sum(octet_length(leaves)) over (order by upto) - octet_length(leaves) as bytes_before
          from log.chain
         where upto > $1
         order by upto
         limit $2) as part
 where bytes_before < $3
 order by upto;

-- name: count
-- How many events stand up to position $1.
select count(*) from log.events where notification_id > 0 and notification_id <= $1;

-- name: beyond
-- Events that stand outside of the log: before its beginning, or behind its end $1.
select notification_id, originator_id
  from log.events
 where notification_id <= 0 or notification_id > greatest($1, (select position from log.head))
 order by notification_id
 limit $2;

-- name: streams
-- Events that do not follow the one before in their stream, up to position $1: version by version, from 1 on, each at a
-- later position. At most $2.
select notification_id, originator_id, originator_version, version_before, position_before
  from (select notification_id, originator_id, originator_version,
               lag(originator_version, 1, 0::bigint) over stream as version_before,
               lag(notification_id, 1, 0::bigint) over stream as position_before
          from log.events
         where notification_id <= $1
        window stream as (partition by originator_id order by originator_version)) as places
 where originator_version <> version_before + 1 or notification_id <= position_before
 order by notification_id
 limit $2;

-- name: stream_heads
-- Streams that do not end where the log knows them to end. At most $1.
select stream, version as known, reached, position
  from log.streams
  full join (select originator_id as stream, max(originator_version) as reached, max(notification_id) as position
               from log.events
              group by originator_id) as told
 using (stream)
 where version is distinct from reached
 order by position, stream
 limit $1;

-- name: chain_end
select coalesce(max(upto), 0) from log.chain;

-- name: deeds
-- The facts after $1 up to $2, of the tenant $3, of an actor ($4 and $5), of the types $6 and those that
-- begin with $7 (neither: of all), recorded from $8 and before $9 (null: any): at most $10 of them, and no more once they have $11 bytes.
select notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id
  from (select *, sum(octet_length(state)) over (order by notification_id) - octet_length(state) as bytes_before
          from log.events
         where notification_id > $1 and notification_id <= $2 and tenant = $3
           and ($4::text is null or actor_kind = $4) and ($5::text is null or actor_id = $5)
           and (cardinality($6::text[]) + cardinality($7::text[]) = 0 or topic = any ($6) or topic ^@ any ($7))
           and ($8::timestamptz is null or recorded_at >= $8) and ($9::timestamptz is null or recorded_at < $9)
         order by notification_id
         limit $10) as part
 where bytes_before < $11
 order by notification_id;

-- name: deeds_of_stream
-- The same, of the stream $12, whose versions after $13 and up to $14 are looked at.
select notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id
  from (select *, sum(octet_length(state)) over (order by originator_version) - octet_length(state) as bytes_before
          from log.events
         where originator_id = $12 and originator_version > $13 and originator_version <= $14
           and notification_id > $1 and notification_id <= $2 and tenant = $3
           and ($4::text is null or actor_kind = $4) and ($5::text is null or actor_id = $5)
           and (cardinality($6::text[]) + cardinality($7::text[]) = 0 or topic = any ($6) or topic ^@ any ($7))
           and ($8::timestamptz is null or recorded_at >= $8) and ($9::timestamptz is null or recorded_at < $9)
         order by originator_version
         limit $10) as part
 where bytes_before < $11
 order by notification_id;

-- name: recorded_around
-- By halves, two neighbouring positions: the first was recorded before $1 + $2 (0: none was), the second was not.
with recursive search (low, high) as (
    select 0::bigint, position + 1 from log.head
    union all
    select case when at.recorded_at < $1::timestamptz + $2::interval then middle else low end,
           case when at.recorded_at < $1::timestamptz + $2::interval then high else middle end
      from (select low, high, (low + high) / 2 as middle from search where low + 1 < high) as half
      join log.events as at on at.notification_id = half.middle
)
select max(low) as low, min(high) as high from search;
