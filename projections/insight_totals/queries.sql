-- name: insert_processes
-- New versions.
insert into insight_totals_processes
select * from json_populate_recordset(null::insight_totals_processes, $1);

-- name: insert_error_starts
-- What in new versions begins with an error.
insert into insight_totals_error_starts
select * from json_populate_recordset(null::insight_totals_error_starts, $1);

-- name: error_starts
-- Which of some elements begin with an error.
select element_id from insight_totals_error_starts where element_id = any($1::integer[]);

-- name: count
-- More incidents and exceptions in some spans.
insert into insight_totals as kept
select * from json_populate_recordset(null::insight_totals, $1)
on conflict (process_id, span, begins, kind) do update
   set times = kept.times + excluded.times,
       moments = kept.moments || excluded.moments;

-- name: process
-- The number of a version.
select process_id from insight_totals_processes where tenant = $1 and process_key = $2 and version = $3;

-- name: totals
-- What happened in a version from $5 to before $6, covered by the segments $2, $3, $4.
-- The offset of 0 makes each segment a look-up in the index: left free, the planner may read the whole table.
select kind, sum(case
           when begins >= $5 and begins + counts.span <= $6 then times
           else (select count(*) from unnest(moments) as moment where begins + moment >= $5 and begins + moment < $6)
       end)::bigint as times
  from unnest($2::integer[], $3::bigint[], $4::bigint[]) as segment (span, first, after)
  cross join lateral
        (select * from insight_totals
          where process_id = $1 and span = segment.span and begins >= first and begins < after
         offset 0) as counts
 group by kind;
