-- name: insert
-- New messages.
insert into messages
select * from json_populate_recordset(null::messages, $1);

-- name: update
-- Messages that met their receiver; those with a time are over.
update messages
   set correlated = true,
       expires_at = change.expires_at
  from json_populate_recordset(null::messages, $1) as change
 where messages.tenant = change.tenant
   and messages.id = change.id;

-- name: messages
-- A page of messages.
select id, name, correlation_key, unique_key, created_at, created_by, expires_at, correlated
  from messages
 where tenant = $1 /* criteria */
 order by id
 limit $2 offset $3;
