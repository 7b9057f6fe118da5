-- name: insert
-- New subscriptions: a sequence for each column.
insert into message_subscriptions
select * from unnest(
    $1::text[], $2::bigint[], $3::date[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::text[],
    $9::text[], $10::timestamptz[], $11::text[], $12::text[]);

-- name: delete
-- Subscriptions that are over.
delete from message_subscriptions as subscription
 using unnest($1::text[], $2::bigint[]) as gone (tenant, id)
 where subscription.tenant = gone.tenant
   and subscription.id = gone.id;

-- name: message_subscriptions
-- A page of subscriptions.
select id, partition, element_id, element_instance_id, process_id, process_instance_id, bpmn_element_id,
       correlation_key, created_at, created_by, name
  from message_subscriptions
 where tenant = $1 /* criteria */
 order by id
 limit $2 offset $3;
