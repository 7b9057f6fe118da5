-- name: insert
-- New tasks: a sequence for each column.
insert into tasks
select * from unnest(
    $1::text[], $2::date[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::text[],
    $9::timestamptz[], $10::text[], $11::timestamptz[], $12::integer[], $13::text[], $14::text[], $15::text[],
    $16::timestamptz[], $17::text[], $18::timestamptz[], $19::text[]);

-- name: update
-- What became of tasks that were there; no worker's name means that the lock stays as it was.
update tasks
   set state = change.state,
       locked_at = case when change.locked_by is null then tasks.locked_at else change.locked_at end,
       locked_by = coalesce(change.locked_by, tasks.locked_by),
       completed_at = change.completed_at,
       error = change.error
  from unnest($1::text[], $2::date[], $3::integer[], $4::text[], $5::timestamptz[], $6::text[], $7::timestamptz[],
              $8::text[])
       as change (tenant, partition, id, state, locked_at, locked_by, completed_at, error)
 where tasks.tenant = change.tenant
   and tasks.partition = change.partition
   and tasks.id = change.id;

-- name: tasks
-- A page of tasks.
select partition, id, element_id, element_instance_id, process_id, process_instance_id, bpmn_element_id, created_at,
       created_by, due_at, retry_count, type, serialized_task, state, locked_at, locked_by, completed_at, error
  from tasks
 where tenant = $1 /* criteria */
 order by partition, id
 limit $2 offset $3;
