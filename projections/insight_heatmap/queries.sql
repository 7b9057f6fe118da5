-- name: insert_processes
-- New versions.
insert into insight_heatmap_processes
select * from json_populate_recordset(null::insight_heatmap_processes, $1);

-- name: wait
-- Element instances that have not begun.
insert into insight_heatmap_waiting
select * from unnest($1::date[], $2::integer[], $3::integer[], $4::text[]);

-- name: leave
-- Element instances that wait no longer, of some that may have waited.
delete from insight_heatmap_waiting as waiting
 using unnest($1::date[], $2::integer[]) as left_off (partition, id)
 where waiting.partition = left_off.partition and waiting.id = left_off.id
returning waiting.partition, waiting.id, process_id, element;

-- name: insert_incidents
-- New incidents.
insert into insight_heatmap_incidents
select * from json_populate_recordset(null::insight_heatmap_incidents, $1);

-- name: update_incidents
-- What became of incidents that were there, and where they are counted. One without an activity is not.
update insight_heatmap_incidents as kept
   set state = change.state
  from json_populate_recordset(null::insight_heatmap_incidents, $1) as change
 where kept.incident = change.incident
returning kept.incident, kept.process_id, kept.element, kept.created_at, kept.state;

-- name: count
-- More, or fewer, in some spans.
insert into insight_heatmap as kept
select * from json_populate_recordset(null::insight_heatmap, $1)
on conflict (process_id, span, begins, element) do update
   set instances = kept.instances + excluded.instances,
       active = kept.active + excluded.active,
       completed = kept.completed + excluded.completed,
       canceled = kept.canceled + excluded.canceled,
       moments = case when excluded.moments is null then kept.moments else kept.moments || excluded.moments end;

-- name: process
-- The number of a version.
select process_id from insight_heatmap_processes where tenant = $1 and process_key = $2 and version = $3;

-- name: heatmap
-- The activities of a version from $5 to before $6, covered by the segments $2, $3, $4. Of a second that sticks out of
-- the range, starts and incidents are counted one by one. $7 is the process itself, which is no activity.
-- The offset of 0 makes each segment a look-up in the index: left free, the planner may read the whole table.
with covering as (
    select counts.*, begins >= $5 and begins + counts.span <= $6 as inside
      from unnest($2::integer[], $3::bigint[], $4::bigint[]) as segment (span, first, after)
     cross join lateral
           (select * from insight_heatmap
             where process_id = $1 and span = segment.span and begins >= first and begins < after and element <> $7
            offset 0) as counts
),
counted as (
    select element, instances, active, completed, canceled from covering where inside
    union all
    select element, (select count(*) from unnest(moments) as moment
                      where begins + moment >= $5 and begins + moment < $6), 0, 0, 0
      from covering where not inside
    union all
    select element, 0, (state = 'active')::integer, (state = 'completed')::integer, (state = 'canceled')::integer
      from covering
     cross join lateral
           (select state from insight_heatmap_incidents as incident
             where incident.process_id = $1 and incident.element = covering.element
               and created_at >= greatest(begins, $5) and created_at < least(begins + covering.span, $6)
            offset 0) as incident
     where not inside
)
select element, sum(instances)::bigint as instances, sum(active)::bigint as active,
       sum(completed)::bigint as completed, sum(canceled)::bigint as canceled
  from counted
 group by element
having sum(instances) > 0 or sum(active) + sum(completed) + sum(canceled) > 0
 order by sum(active) + sum(completed) + sum(canceled) desc, element;
