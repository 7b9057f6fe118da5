-- name: insert
-- New incidents: a sequence for each column.
insert into incidents
select * from unnest(
    $1::text[], $2::text[], $3::date[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::integer[],
    $9::integer[], $10::integer[], $11::timestamptz[], $12::text[], $13::timestamptz[], $14::text[]);

-- name: update
-- Incidents that are over. One that was not raised by a process is not in the table.
update incidents
   set resolved_at = change.resolved_at,
       resolved_by = change.resolved_by
  from unnest($1::text[], $2::timestamptz[], $3::text[]) as change (incident, resolved_at, resolved_by)
 where incidents.incident = change.incident;

-- name: incidents
-- A page of incidents.
select partition, id, element_id, element_instance_id, job_id, process_id, process_instance_id, task_id, created_at,
       created_by, resolved_at, resolved_by
  from incidents
 where tenant = $1 /* criteria */
 order by partition, id
 limit $2 offset $3;
