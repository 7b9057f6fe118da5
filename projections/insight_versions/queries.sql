-- name: insert
-- New versions.
insert into insight_versions
select tenant, process_key, version, deployed, process_id, 0, 0, 0
  from json_populate_recordset(null::insight_versions, $1);

-- name: queue
-- Instances that wait for their turn.
insert into insight_versions_queued
select * from unnest($1::date[], $2::integer[], $3::integer[]);

-- name: dequeue
-- Instances that wait no longer.
delete from insight_versions_queued as queued
 using unnest($1::date[], $2::integer[]) as instance (partition, id)
 where queued.partition = instance.partition and queued.id = instance.id
returning process_id;

-- name: insert_error_starts
-- What in new versions begins with an error.
insert into insight_versions_error_starts
select * from json_populate_recordset(null::insight_versions_error_starts, $1);

-- name: error_starts
-- Which of some elements begin with an error.
select element_id from insight_versions_error_starts where element_id = any($1::integer[]);

-- name: count
-- More of what is counted, in some versions.
update insight_versions
   set process_instances = insight_versions.process_instances + added.process_instances,
       incidents = insight_versions.incidents + added.incidents,
       error_start_events = insight_versions.error_start_events + added.error_start_events
  from json_populate_recordset(null::insight_versions, $1) as added
 where insight_versions.process_id = added.process_id;

-- name: versions
-- All versions of a process, in the order of deployment.
select version, process_instances, incidents, error_start_events
  from insight_versions
 where tenant = $1 and process_key = $2
 order by deployed;
