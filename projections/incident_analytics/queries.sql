-- name: incidents
-- What some incidents are counted as.
select incident, tenant, severity, created_at, started_at, resolved_at
  from incident_analytics_incidents
 where incident = any($1::text[]);

-- name: insert
-- New incidents.
insert into incident_analytics_incidents
select * from json_populate_recordset(null::incident_analytics_incidents, $1);

-- name: update
-- What incidents are counted as that were there.
update incident_analytics_incidents as kept
   set severity = change.severity, started_at = change.started_at, resolved_at = change.resolved_at
  from json_populate_recordset(null::incident_analytics_incidents, $1) as change
 where kept.incident = change.incident;

-- name: count
-- More, or fewer, in some spans.
insert into incident_analytics as kept
select * from json_populate_recordset(null::incident_analytics, $1)
on conflict (tenant, span, begins, severity) do update
   set incidents = kept.incidents + excluded.incidents,
       resolved = kept.resolved + excluded.resolved,
       recovery = kept.recovery + excluded.recovery;

-- name: figures
-- The incidents created from $5 to before $6, covered by the segments $2, $3, $4. Those of a second that sticks out of
-- the range are counted one by one. The offsets of 0 make each segment a look-up in the index: left free, the planner
-- may read the whole table.
with covering as (
    select counts.*, begins >= $5 and begins + counts.span <= $6 as inside
      from unnest($2::integer[], $3::bigint[], $4::bigint[]) as segment (span, first, after)
     cross join lateral
           (select * from incident_analytics
             where tenant = $1 and span = segment.span and begins >= first and begins < after
            offset 0) as counts
),
counted as (
    select severity, incidents, resolved, recovery from covering where inside
    union all
    select severity, 1, (resolved_at is not null)::integer, greatest(resolved_at - started_at, 0)
      from covering
     cross join lateral
           (select started_at, resolved_at from incident_analytics_incidents as incident
             where tenant = $1 and incident.severity = covering.severity
               and created_at >= greatest(begins, $5) and created_at < least(begins + covering.span, $6)
            offset 0) as incident
     where not inside
)
select severity, sum(incidents)::bigint as incidents, sum(resolved)::bigint as resolved,
       sum(recovery)::bigint as recovery
  from counted
 group by severity
 order by severity desc;
