-- name: insert
-- New subscriptions.
insert into signal_subscriptions
select * from json_populate_recordset(null::signal_subscriptions, $1);

-- name: delete
-- Subscriptions that are over.
delete from signal_subscriptions as subscription
 using json_populate_recordset(null::signal_subscriptions, $1) as gone
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
