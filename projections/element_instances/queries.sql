-- name: insert_types
-- What the elements of a new version are.
insert into element_instances_types
select * from json_populate_recordset(null::element_instances_types, $1);

-- name: insert
-- New element instances.
insert into element_instances
select * from json_populate_recordset(null::element_instances, $1);

-- name: update
-- What became of element instances that were there; a time that is none stays as it was. What completes without having
-- started was armed until it fired: it began when it ended.
update element_instances
   set state = change.state,
       started_at = coalesce(change.started_at, element_instances.started_at,
                             case when change.state = 'COMPLETED' then change.ended_at end),
       ended_at = coalesce(change.ended_at, element_instances.ended_at)
  from json_populate_recordset(null::element_instances, $1) as change
 where element_instances.tenant = change.tenant
   and element_instances.partition = change.partition
   and element_instances.id = change.id;

-- name: open
-- Element instances that did not end in the batch that made them.
insert into element_instances_open
select * from json_populate_recordset(null::element_instances_open, $1);

-- name: close
-- Element instances that were there and ended.
delete from element_instances_open as opened
 using json_populate_recordset(null::element_instances_open, $1) as ended
 where opened.tenant = ended.tenant
   and opened.partition = ended.partition
   and opened.id = ended.id;

-- name: element_instances
-- A page of element instances.
select partition, id, parent_id, element_id, process_id, process_instance_id, bpmn_element_id, bpmn_element_type,
       created_at, created_by, multi_instance, state, started_at, ended_at
  from element_instances join element_instances_types using (element_id)
 where tenant = $1 /* criteria */
 order by partition, id
 limit $2 offset $3;

-- name: scopes
-- From an element instance outwards to the element instance of the process. The offset of 0 makes each step a look-up of
-- one row: joined, the planner may read a whole day that its statistics do not know yet.
with recursive scopes as (
    select id, parent_id, process_instance_id, bpmn_element_id, 0 as distance
      from element_instances
     where tenant = $1 and partition = $2 and id = $3
    union all
    select around.id, around.parent_id, around.process_instance_id, around.bpmn_element_id, distance + 1
      from scopes cross join lateral
           (select id, parent_id, process_instance_id, bpmn_element_id
              from element_instances
             where tenant = $1 and partition = $2 and id = scopes.parent_id
            offset 0) as around
)
select id, process_instance_id, bpmn_element_id from scopes order by distance;
