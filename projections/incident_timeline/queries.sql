-- name: insert
-- New facts.
insert into incident_timeline
select * from json_populate_recordset(null::incident_timeline, $1);

-- name: length
-- How many facts an incident has. All are of one tenant; tested beforehand, the planner would think that hardly any is
-- left, and would rather look at all of them than walk back from the last one. So below.
select coalesce((select version
                   from (select version, tenant
                           from incident_timeline where incident = $2 order by version desc limit 1) as newest
                  where tenant = $1), 0);

-- name: timeline
-- A page of an incident's facts, newest first: the $3 up to the version $4.
select incident, version, position, kind, happened_at, actor_kind, actor_id, email, before, after, text, field, type
  from (select * from incident_timeline where incident = $2 and version <= $4 order by version desc limit $3) as page
 where tenant = $1
 order by version desc;

-- name: work
-- The latest notes and changes of status of some incidents, up to $3 of each, in their order. The limit makes each of them
-- a look-up in the index that has nothing else: left free, the planner may read all that happened to an incident.
select work.*
  from unnest($2::text[]) as asked
 cross join lateral
       (select incident, version, position, kind, happened_at, actor_kind, actor_id, email, before, after, text, field,
               type
          from (select * from incident_timeline
                 where incident = asked and is_work order by version desc limit $3) as latest
         where tenant = $1) as work
 order by incident, version;
