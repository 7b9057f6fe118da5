-- name: known
-- Webhooks that facts of the batch are about.
select * from webhooks
 where webhook = any($1::text[]);

-- name: delete
-- Webhooks that are deleted, or are about to be inserted as they are now.
delete from webhooks where webhook = any($1::text[]);

-- name: insert
-- Webhooks as they are now.
insert into webhooks
select * from json_populate_recordset(null::webhooks, $1);

-- name: webhooks
-- A stretch of a tenant's webhooks after one of them, in the order in which they were made.
select * from webhooks
 where tenant = $1 and webhook > $2
 order by webhook
 limit $3;

-- name: webhook
-- A webhook of a tenant.
select * from webhooks
 where tenant = $1 and webhook = $2;
