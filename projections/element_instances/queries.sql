-- name: insert_types
-- What the elements of a new version are.
insert into element_instances_types
select * from unnest($1::integer[], $2::text[]);

-- name: insert
-- New element instances: a sequence for each column.
insert into element_instances
select * from unnest(
    $1::text[], $2::date[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::text[],
    $9::timestamptz[], $10::text[], $11::boolean[], $12::text[], $13::timestamptz[], $14::timestamptz[]);

-- name: update
-- What became of element instances that were there; a time that is none stays as it was. What completes without having
-- started was armed until it fired: it began when it ended.
update element_instances
   set state = change.state,
       started_at = coalesce(change.started_at, element_instances.started_at,
                             case when change.state = 'COMPLETED' then change.ended_at end),
       ended_at = coalesce(change.ended_at, element_instances.ended_at)
  from unnest($1::text[], $2::date[], $3::integer[], $4::text[], $5::timestamptz[], $6::timestamptz[])
       as change (tenant, partition, id, state, started_at, ended_at)
 where element_instances.tenant = change.tenant
   and element_instances.partition = change.partition
   and element_instances.id = change.id;

-- name: open
-- Element instances that did not end in the batch that made them.
insert into element_instances_open
select * from unnest($1::text[], $2::date[], $3::integer[]);

-- name: close
-- Element instances that were there and ended.
delete from element_instances_open as opened
 using unnest($1::text[], $2::date[], $3::integer[]) as ended (tenant, partition, id)
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
