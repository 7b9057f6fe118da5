-- name: insert
-- New messages: a sequence for each column.
insert into messages
select * from unnest(
    $1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::timestamptz[],
    $9::boolean[]);

-- name: update
-- Messages that met their receiver; those with a time are over.
update messages
   set correlated = true,
       expires_at = change.expires_at
  from unnest($1::text[], $2::bigint[], $3::timestamptz[]) as change (tenant, id, expires_at)
 where messages.tenant = change.tenant
   and messages.id = change.id;

-- name: messages
-- A page of messages.
select id, name, correlation_key, unique_key, created_at, created_by, expires_at, correlated
  from messages
 where tenant = $1 /* criteria */
 order by id
 limit $2 offset $3;
