-- name: insert
-- New jobs.
insert into jobs
select * from json_populate_recordset(null::jobs, $1);

-- name: update
-- What became of jobs that were there; no worker's name means that the lock stays as it was.
update jobs
   set state = change.state,
       locked_at = case when change.locked_by is null then jobs.locked_at else change.locked_at end,
       locked_by = coalesce(change.locked_by, jobs.locked_by),
       completed_at = change.completed_at,
       error = change.error
  from json_populate_recordset(null::jobs, $1) as change
 where jobs.tenant = change.tenant
   and jobs.partition = change.partition
   and jobs.id = change.id;

-- name: jobs
-- A page of jobs. It ends early where the errors before a row come to 16 MiB: a page has to fit into memory.
select *
  from (select page.*, sum(octet_length(error)) over (order by partition, id rows between unbounded preceding
                                                      and 1 preceding) as before
          from (select partition, id, element_id, element_instance_id, process_id, process_instance_id, bpmn_element_id,
                       correlation_key, created_at, created_by, due_at, retry_count, type, state, locked_at, locked_by,
                       completed_at, error
                  from jobs
                 where tenant = $1 /* criteria */
                 order by partition, id
                 limit $2 offset $3) as page) as weighed
 where coalesce(before, 0) < 16777216
 order by partition, id;
