-- name: insert_processes
-- New versions.
insert into insight_incidents_graph_processes
select * from json_populate_recordset(null::insight_incidents_graph_processes, $1);

-- name: insert_error_starts
-- What in new versions begins with an error.
insert into insight_incidents_graph_error_starts
select * from json_populate_recordset(null::insight_incidents_graph_error_starts, $1);

-- name: error_starts
-- Which of some elements begin with an error.
select element_id from insight_incidents_graph_error_starts where element_id = any($1::integer[]);

-- name: count
-- More incidents in some spans.
insert into insight_incidents_graph as kept
select * from json_populate_recordset(null::insight_incidents_graph, $1)
on conflict (process_id, span, begins, incident_type) do update
   set incidents = kept.incidents + excluded.incidents,
       moments = kept.moments || excluded.moments;

-- name: process
-- The number of a version.
select process_id from insight_incidents_graph_processes where tenant = $1 and process_key = $2 and version = $3;

-- name: graph
-- The incidents of a version from $5 to before $6, covered by the segments $2, $3, $4, by days of $7 milliseconds.
-- The offset of 0 makes each segment a look-up in the index: left free, the planner may read the whole table.
select date, incident_type, sum(incidents)::bigint as total_instances
  from (select begins / $7 * $7 as date, incident_type,
               case
                   when begins >= $5 and begins + counts.span <= $6 then incidents
                   else (select count(*) from unnest(moments) as moment
                          where begins + moment >= $5 and begins + moment < $6)
               end as incidents
          from unnest($2::integer[], $3::bigint[], $4::bigint[]) as segment (span, first, after)
          cross join lateral
                (select * from insight_incidents_graph
                  where process_id = $1 and span = segment.span and begins >= first and begins < after
                 offset 0) as counts) as counted
 where incidents > 0
 group by date, incident_type
 order by date, incident_type;
