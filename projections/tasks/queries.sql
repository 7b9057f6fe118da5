-- name: insert
-- New tasks.
insert into tasks
select * from json_populate_recordset(null::tasks, $1);

-- name: update
-- What became of tasks that were there; no worker's name means that the lock stays as it was.
update tasks
   set state = change.state,
       locked_at = case when change.locked_by is null then tasks.locked_at else change.locked_at end,
       locked_by = coalesce(change.locked_by, tasks.locked_by),
       completed_at = change.completed_at,
       error = change.error
  from json_populate_recordset(null::tasks, $1) as change
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
