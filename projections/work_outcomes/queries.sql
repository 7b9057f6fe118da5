-- name: since
-- Since when outcomes are kept.
select since from work_outcomes_kept;

-- name: keep
-- Keep outcomes since a later time.
insert into work_outcomes_kept values (1, $1) on conflict (id) do update set since = excluded.since;

-- name: drop_outcomes
-- Outcomes of jobs that are too old, of one length of spans.
delete from work_outcomes where span = $1 and begins < $2;

-- name: drop_durations
-- Durations that are too old.
delete from work_outcomes_durations where begins < $1;

-- name: insert_elements
-- What new versions are made of.
insert into work_outcomes_elements
select * from json_populate_recordset(null::work_outcomes_elements, $1);

-- name: insert_jobs
-- New jobs that have not ended.
insert into work_outcomes_jobs
select * from json_populate_recordset(null::work_outcomes_jobs, $1);

-- name: end_jobs
-- Jobs that have ended, and where they stood.
delete from work_outcomes_jobs as job
 using json_populate_recordset(null::work_outcomes_jobs, $1) as ended
 where job.partition = ended.partition and job.id = ended.id
returning job.partition, job.id, job.element_id;

-- name: insert_running
-- New element instances that have not ended.
insert into work_outcomes_running
select * from json_populate_recordset(null::work_outcomes_running, $1);

-- name: begin_running
-- Element instances that have begun only now.
update work_outcomes_running as running
   set began_at = begun.began_at
  from json_populate_recordset(null::work_outcomes_running, $1) as begun
 where running.partition = begun.partition and running.id = begun.id;

-- name: end_running
-- Element instances that have ended, and when they began.
delete from work_outcomes_running as running
 using json_populate_recordset(null::work_outcomes_running, $1) as ended
 where running.partition = ended.partition and running.id = ended.id
returning running.partition, running.id, running.element_id, running.began_at;

-- name: count
-- More ends of jobs in some spans.
insert into work_outcomes as kept
select * from json_populate_recordset(null::work_outcomes, $1)
on conflict (span, begins, element_id, failed) do update
   set times = kept.times + excluded.times,
       moments = kept.moments || excluded.moments;

-- name: add_durations
-- More durations in some seconds.
insert into work_outcomes_durations as kept
select * from json_populate_recordset(null::work_outcomes_durations, $1)
on conflict (begins, element_id) do update
   set moments = kept.moments || excluded.moments,
       durations = kept.durations || excluded.durations;

-- name: outcomes
-- How many jobs ended, by whether they failed, from $5 to before $6, covered by the segments $2, $3, $4, at the elements
-- of a tenant that the conditions leave. Of a second that sticks out of the range they are counted one by one.
-- The offset of 0 makes each segment a look-up in the index: left free, the planner may read the whole table.
with meant as materialized (
    select element_id from work_outcomes_elements as element where element.tenant = $1 /* scope */
)
select failed, sum(case
           when begins >= $5 and begins + counts.span <= $6 then times
           else (select count(*) from unnest(moments) as moment where begins + moment >= $5 and begins + moment < $6)
       end)::bigint as times
  from unnest($2::integer[], $3::bigint[], $4::bigint[]) as segment (span, first, after)
  cross join lateral
        (select * from work_outcomes
          where span = segment.span and begins >= first and begins < after
         offset 0) as counts
 where element_id in (select element_id from meant)
 group by failed;

-- name: durations
-- How long it took what completed from $2 to before $3 at the elements of a tenant that the conditions leave: each
-- duration, and how often.
with meant as materialized (
    select element_id from work_outcomes_elements as element where element.tenant = $1 /* scope */
),
kept as materialized (
    select begins, moments, durations from work_outcomes_durations
     where begins > $2::bigint - 1000 and begins < $3 and element_id in (select element_id from meant)
)
select duration, count(*) as times
  from kept
 cross join unnest(moments, durations) as one (moment, duration)
 where begins + moment >= $2 and begins + moment < $3
 group by duration;

-- name: backlog
-- How many jobs of a tenant are due at $2 and nobody has taken them, and since when the first is. Jobs are found where
-- decisions find them, and which element they stand at is in a table of ours.
select count(*) as jobs, min(job.due_at) as since
  from log.open_jobs as job
 where job.tenant = $1 and job.locked_by is null and job.due_at <= $2 /* narrowed */;

-- name: narrowed
-- The condition on a job that is asked for by where it stands.
and exists (select from work_outcomes_jobs as open
              join work_outcomes_elements as element using (element_id)
             where open.partition = job.partition and open.id = job.id /* scope */)
