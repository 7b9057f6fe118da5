-- name: insert
-- New subscriptions: a sequence for each column.
insert into signal_subscriptions
select * from unnest(
    $1::text[], $2::bigint[], $3::date[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::text[],
    $9::timestamptz[], $10::text[], $11::text[]);

-- name: delete
-- Subscriptions that are over.
delete from signal_subscriptions as subscription
 using unnest($1::text[], $2::bigint[]) as gone (tenant, id)
 where subscription.tenant = gone.tenant
   and subscription.id = gone.id;

-- name: signal_subscriptions
-- A page of subscriptions.
select id, partition, element_id, element_instance_id, process_id, process_instance_id, bpmn_element_id,
       created_at, created_by, name
  from signal_subscriptions
 where tenant = $1 /* criteria */
 order by id
 limit $2 offset $3;
