-- name: insert_processes
-- New versions.
insert into insight_incidents_table_processes
select * from json_populate_recordset(null::insight_incidents_table_processes, $1);

-- name: insert
-- New incidents.
insert into insight_incidents_table
select * from json_populate_recordset(null::insight_incidents_table, $1);

-- name: update
-- Incidents that are over. One that has no activity is not in the table.
update insight_incidents_table
   set ended_at = change.ended_at
  from json_populate_recordset(null::insight_incidents_table, $1) as change
 where insight_incidents_table.incident = change.incident;

-- name: count
-- More incidents in some spans.
insert into insight_incidents_table_counts as kept
select * from json_populate_recordset(null::insight_incidents_table_counts, $1)
on conflict (process_id, span, begins) do update
   set incidents = kept.incidents + excluded.incidents,
       moments = kept.moments || excluded.moments;

-- name: process
-- The number of a version.
select process_id from insight_incidents_table_processes where tenant = $1 and process_key = $2 and version = $3;

-- name: counts
-- How many incidents of a version lie in each of the spans $2, $3, $4, as far as from $5 to before $6; newest first.
-- The offset of 0 makes each segment a look-up in the index: left free, the planner may read the whole table.
select counts.span, begins,
       case
           when begins >= $5 and begins + counts.span <= $6 then incidents
           else (select count(*) from unnest(moments) as moment where begins + moment >= $5 and begins + moment < $6)
       end as incidents
  from unnest($2::integer[], $3::bigint[], $4::bigint[]) as segment (span, first, after)
  cross join lateral
        (select * from insight_incidents_table_counts
          where process_id = $1 and span = segment.span and begins >= first and begins < after
         offset 0) as counts
 order by begins desc;

-- name: ranked
-- The incidents of a version from $2 to before $3, newest first: $5 of them after the first $4.
select created_at, ended_at, activity_id, activity, process_instance
  from insight_incidents_table
 where process_id = $1 and created_at >= $2 and created_at < $3
 order by created_at desc, incident
offset $4 limit $5;
