-- name: insert
-- New instances.
insert into process_instances
select * from json_populate_recordset(null::process_instances, $1);

-- name: update
-- What became of instances that were there; a time that is none stays as it was.
update process_instances
   set state = change.state,
       started_at = coalesce(change.started_at, process_instances.started_at),
       ended_at = coalesce(change.ended_at, process_instances.ended_at)
  from json_populate_recordset(null::process_instances, $1) as change
 where process_instances.tenant = change.tenant
   and process_instances.partition = change.partition
   and process_instances.id = change.id;

-- name: process_instances
-- A page of instances. It ends early where the tags before a row come to 16 MiB: a page has to fit into memory.
select *
  from (select page.*, sum(octet_length(tags)) over (order by partition, id rows between unbounded preceding
                                                     and 1 preceding) as before
          from (select partition, id, parent_id, root_id, process_id, bpmn_process_id, version, correlation_key,
                       created_at, created_by, tags::text, state, started_at, ended_at
                  from process_instances
                 where tenant = $1 /* criteria */
                 order by partition, id
                 limit $2 offset $3) as page) as weighed
 where coalesce(before, 0) < 16777216
 order by partition, id;

-- name: running
-- The instances of some processes that have not ended. Asked once in the life of a process, when it gets a limit first:
-- no index knows who has ended, for each would have to be kept with every instance.
select partition, id
  from process_instances
 where (tenant = $1) is true and process_id = any($2::integer[]) and ended_at is null
 order by partition, id;
