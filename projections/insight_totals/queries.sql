-- name: insert_processes
-- New versions: a sequence for each column.
insert into insight_totals_processes
select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[]);

-- name: count
-- More incidents in some spans: a sequence for each column.
insert into insight_totals as kept
select process_id, span, begins, incidents, moments::smallint[]
  from unnest($1::integer[], $2::integer[], $3::bigint[], $4::integer[], $5::text[])
       as added (process_id, span, begins, incidents, moments)
on conflict (process_id, span, begins) do update
   set incidents = kept.incidents + excluded.incidents,
       moments = kept.moments || excluded.moments;

-- name: process
-- The number of a version.
select process_id from insight_totals_processes where tenant = $1 and process_key = $2 and version = $3;

-- name: totals
-- The incidents of a version from $5 to before $6, covered by the segments $2, $3, $4.
-- The offset of 0 makes each segment a look-up in the index: left free, the planner may read the whole table.
select coalesce(sum(case
           when begins >= $5 and begins + counts.span <= $6 then incidents
           else (select count(*) from unnest(moments) as moment where begins + moment >= $5 and begins + moment < $6)
       end), 0)::bigint
  from unnest($2::integer[], $3::bigint[], $4::bigint[]) as segment (span, first, after)
  cross join lateral
        (select * from insight_totals
          where process_id = $1 and span = segment.span and begins >= first and begins < after
         offset 0) as counts;
