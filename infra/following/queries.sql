-- name: batch
-- The facts after $1 up to $2, but for topics that nobody asked for ($3): at most $4 of them, and no more once they
-- have $5 bytes. One is always returned, however large it is.
select notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id
  from (select *, sum(octet_length(state)) over (order by notification_id) - octet_length(state) as bytes_before
          from log.events
         where notification_id > $1 and notification_id <= $2 and topic <> all ($3)
         order by notification_id
         limit $4) as part
 where bytes_before < $5
 order by notification_id;

-- name: standings
-- Where the log and all read models stand, at one moment.
select head.position as head,
       (select correlation_id from log.events where notification_id = head.position) as command,
       follower.name, follower.version, follower.position,
       follower.failed_at, follower.error, follower.failed_since,
       rebuild.position as rebuilt_to
  from log.head as head
  left join log.followers as follower on true
  left join log.rebuilds as rebuild on rebuild.name = follower.name;

-- name: advance
-- Move the read models $3, of versions $4, from position $5 to $6, if the lease is held and they all stand there. The
-- rows stay locked until the transaction ends: the lease's against a change of hands, theirs against a rebuild's swap.
with lease as (select true from log.leases where name = $1 and epoch = $2 for share)
update log.followers as follower
   set position = $6, failed_at = null, error = null, failed_since = null
  from lease, unnest($3::text[], $4::integer[]) as moved (name, version)
 where follower.name = moved.name and follower.version = moved.version and follower.position = $5
returning follower.name;

-- name: head
select position from log.head;

-- name: begin
insert into log.followers (name, version, tables, position) values ($1, $2, $3, 0);

-- name: stop
-- The read model $3 cannot apply the fact at $5. Where it stands ($4) does not change.
with lease as (select true from log.leases where name = $1 and epoch = $2 for share)
update log.followers as follower
   set failed_at = $5, error = $6, failed_since = coalesce(failed_since, now())
  from lease
 where follower.name = $3 and follower.position = $4;

-- name: rebuilds
select name from log.rebuilds order by name;

-- name: begin_rebuild
insert into log.rebuilds (name, version, position) values ($1, $2, 0);

-- name: advance_rebuild
-- Move the tables beside from position $3 to $2, if they stand there.
update log.rebuilds set position = $2 where name = $1 and position = $3 returning true;

-- name: end_rebuild
delete from log.rebuilds where name = $1;

-- name: live
select version, tables, position from log.followers where name = $1;

-- name: live_locked
select version, tables, position from log.followers where name = $1 for update;

-- name: put_in_place
insert into log.followers (name, version, tables, position) values ($1, $2, $3, $4)
    on conflict (name) do update
   set version = excluded.version, tables = excluded.tables, position = excluded.position,
       failed_at = null, error = null, failed_since = null;
