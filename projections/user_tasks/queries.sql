-- name: insert
-- New user tasks.
insert into user_tasks
select * from json_populate_recordset(null::user_tasks, $1);

-- name: update
-- What became of user tasks that were there; one that was ended from outside keeps its revision and its tags.
update user_tasks
   set state = change.state,
       updated_at = change.updated_at,
       updated_by = change.updated_by,
       revision = coalesce(change.revision, user_tasks.revision),
       tags = case when change.revision is null then user_tasks.tags else change.tags end
  from json_populate_recordset(null::user_tasks, $1) as change
 where user_tasks.tenant = change.tenant
   and user_tasks.partition = change.partition
   and user_tasks.id = change.id;

-- name: user_tasks
-- A page of user tasks. It ends early where the tags before a row come to 16 MiB: a page has to fit into memory.
select *
  from (select page.*, sum(octet_length(tags)) over (order by partition, id rows between unbounded preceding
                                                     and 1 preceding) as before
          from (select partition, id, element_id, element_instance_id, process_id, process_instance_id, bpmn_element_id,
                       correlation_key, created_at, created_by, revision, state, tags::text, updated_at, updated_by
                  from user_tasks
                 where tenant = $1 /* criteria */
                 order by partition, id
                 limit $2 offset $3) as page) as weighed
 where coalesce(before, 0) < 16777216
 order by partition, id;
