-- name: standings
-- What may change of some incidents.
select incident, tenant, status, severity, error_message, updated_at, started_at, failure_count, affected_regions,
       acknowledged_at, resolved_at, closed_at, canceled_at, resolved_by, assignee, merged_into, check_id, rule_id
  from incident_list
 where incident = any($1::text[]);

-- name: insert
-- New incidents.
insert into incident_list
select * from json_populate_recordset(null::incident_list, $1);

-- name: update
-- How incidents stand that were there.
update incident_list as kept
   set status = change.status, severity = change.severity, error_message = change.error_message,
       updated_at = change.updated_at, started_at = change.started_at, acknowledged_at = change.acknowledged_at,
       resolved_at = change.resolved_at, closed_at = change.closed_at, canceled_at = change.canceled_at,
       resolved_by = change.resolved_by, assignee = change.assignee, failure_count = change.failure_count,
       affected_regions = change.affected_regions, merged_into = change.merged_into
  from json_populate_recordset(null::incident_list, $1) as change
 where kept.incident = change.incident;

-- name: tally
-- More, or fewer, of some statuses and severities.
insert into incident_list_counts as kept
select * from json_populate_recordset(null::incident_list_counts, $1)
on conflict (tenant, subject, status, severity) do update
   set incidents = kept.incidents + excluded.incidents;

-- name: by_severity
-- How many incidents of each severity are in one of the statuses $1, of all tenants together.
select severity, sum(incidents)::bigint as incidents
  from incident_list_counts
 where subject = '' and status = any($1::text[])
 group by severity;

-- name: incident
-- One incident.
select * from incident_list where incident = $2 and tenant = $1;

-- name: sorted
-- A page of the incidents that meet the criteria, in any order: $2 after the first $3.
-- Here and below, the offset of 0 makes what it is in a look-up in an index: left free, the planner may read the table.
select listed.*
  from (select incident
          from incident_list
         where tenant = $1 /* criteria */
         order by /* key */ desc, incident desc
         limit $2 offset $3) as page
 cross join lateral (select * from incident_list where incident = page.incident offset 0) as listed
 order by /* key */ desc, incident desc;

-- name: changed
-- The same of the incidents that something happened to after $4, which are no more than $5.
select listed.*
  from (select incident
          from (select * from incident_list where tenant = $1 and updated_at > $4 order by updated_at limit $5) as changed
         where true /* criteria */
         order by /* key */ desc, incident desc
         limit $2 offset $3) as page
 cross join lateral (select * from incident_list where incident = page.incident offset 0) as listed
 order by /* key */ desc, incident desc;

-- name: grouped
-- The same of the incidents of a subject $4, of some statuses $5 and severities $6, or all where these are empty: those of
-- each status and severity are looked up by themselves, in the order of the page, and no more than the first $7 of them.
select listed.*
  from (select incident
          from incident_list_counts as counted
         cross join lateral
               (select incident, /* key */ as key
                  from incident_list
                 where tenant = $1 and status = counted.status and severity = counted.severity /* criteria */
                 order by /* in group */
                 limit $7::bigint) as found
         where tenant = $1 and subject = $4 and incidents > 0 and (cardinality($5::text[]) = 0 or status = any($5))
           and (cardinality($6::smallint[]) = 0 or severity = any($6))
         order by key desc, incident desc
         limit $2 offset $3) as page
 cross join lateral (select * from incident_list where incident = page.incident offset 0) as listed
 order by /* key */ desc, incident desc;

-- name: changes
-- Whether there are incidents that nothing happened to after $2, and how many there are of the others, counted up to $3.
select exists (select from incident_list where tenant = $1 and updated_at <= $2) as unchanged,
       (select count(*)
          from (select from incident_list where tenant = $1 and updated_at > $2 order by updated_at limit $3) as changed
       ) as changed;

-- name: counts
-- How many incidents a subject has of some statuses and severities, or of all where these are empty.
select coalesce(sum(incidents), 0)::bigint
  from incident_list_counts
 where tenant = $1 and subject = $2 and (cardinality($3::text[]) = 0 or status = any($3))
   and (cardinality($4::smallint[]) = 0 or severity = any($4));

-- name: count
-- How many incidents meet the criteria.
select count(*) from incident_list where tenant = $1 /* criteria */;

-- name: count_changed
-- The same of the incidents that something happened to after $2, which are no more than $3.
select count(*)
  from (select * from incident_list where tenant = $1 and updated_at > $2 order by updated_at limit $3) as changed
 where true /* criteria */;

-- name: opened_between
-- How many incidents of processes were opened in a window, both ends in it.
select count(*) from incident_list
 where tenant = $1 and created_at >= $2 and created_at <= $3 and source = 'process' /* scope */;

-- name: unresolved_in_all
-- How many incidents have one of these statuses, without those of a subject.
select coalesce(sum(case subject when '' then incidents else -incidents end), 0)::bigint
  from incident_list_counts
 where tenant = $1 and subject in ('', $3) and status = any($2::text[]);

-- name: unresolved
-- The same, narrowed down by a scope, without those of a rule.
select count(*) from incident_list
 where tenant = $1 and status = any($2::text[]) and rule_id is distinct from $3 /* scope */;
