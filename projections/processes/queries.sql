-- name: insert
-- New versions.
insert into processes
select * from json_populate_recordset(null::processes, $1);

-- name: processes
-- A page of versions. It ends early where the tags before a row come to 16 MiB: a page has to fit into memory.
select *
  from (select page.*, sum(octet_length(tags)) over (order by id rows between unbounded preceding
                                                     and 1 preceding) as before
          from (select id, bpmn_process_id, version, created_at, created_by, tags::text, parallelism,
                       bpmn_collaboration_id, bpmn_participant_id, bpmn_participant_name
                  from processes
                 where tenant = $1 /* criteria */
                 order by id
                 limit $2 offset $3) as page) as weighed
 where coalesce(before, 0) < 16777216
 order by id;

-- name: xml
-- The model of one version.
select xml from processes where tenant = $1 and id = $2;
