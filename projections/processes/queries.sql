-- name: insert
-- New versions: a sequence for each column.
insert into processes
select * from unnest(
    $1::text[], $2::integer[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::jsonb[], $8::text[], $9::text[],
    $10::text[], $11::text[]);

-- name: processes
-- A page of versions.
select id, bpmn_process_id, version, created_at, created_by, tags,
       bpmn_collaboration_id, bpmn_participant_id, bpmn_participant_name
  from processes
 where tenant = $1 /* criteria */
 order by id
 limit $2 offset $3;

-- name: xml
-- The model of one version.
select xml from processes where tenant = $1 and id = $2;
