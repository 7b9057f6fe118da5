-- name: insert
-- New versions: a sequence for each column.
insert into insight_versions
select *, 0, 0 from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::integer[]);

-- name: count
-- More instances and incidents of some versions: a sequence for each column.
update insight_versions
   set process_instances = insight_versions.process_instances + added.process_instances,
       incidents = insight_versions.incidents + added.incidents
  from unnest($1::integer[], $2::integer[], $3::integer[]) as added (process_id, process_instances, incidents)
 where insight_versions.process_id = added.process_id;

-- name: versions
-- All versions of a process, in the order of deployment.
select version, process_instances, incidents
  from insight_versions
 where tenant = $1 and process_key = $2
 order by deployed;
