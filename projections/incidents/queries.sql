-- name: insert
-- New incidents.
insert into incidents
select * from json_populate_recordset(null::incidents, $1);

-- name: update
-- Incidents that are over. One that was not raised by a process is not in the table.
update incidents
   set resolved_at = change.resolved_at,
       resolved_by = change.resolved_by
  from json_populate_recordset(null::incidents, $1) as change
 where incidents.incident = change.incident;

-- name: incidents
-- A page of incidents.
select partition, id, element_id, element_instance_id, job_id, process_id, process_instance_id, task_id, created_at,
       created_by, resolved_at, resolved_by
  from incidents
 where tenant = $1 /* criteria */
 order by partition, id
 limit $2 offset $3;
