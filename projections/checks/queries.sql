-- name: insert
-- New checks.
insert into checks
select * from json_populate_recordset(null::checks, $1);

-- name: update
-- Checks that have changed: only new settings are given, and of the rest only what is new.
update checks
   set settings = checks.settings || change.settings,
       paused = coalesce(change.paused, checks.paused),
       updated_at = coalesce(change.updated_at, checks.updated_at),
       position = coalesce(change.position, checks.position),
       checked_at = greatest(checks.checked_at, change.checked_at)
  from json_populate_recordset(null::checks, $1) as change
 where checks.check_id = change.check_id;

-- name: insert_incidents
-- New incidents of checks.
insert into checks_incidents
select * from json_populate_recordset(null::checks_incidents, $1);

-- name: update_incidents
-- Incidents that are over, or are not after all. One that is of no check is not in the table.
update checks_incidents
   set unresolved = change.unresolved
  from json_populate_recordset(null::checks_incidents, $1) as change
 where checks_incidents.incident = change.incident;

-- name: delete
-- Checks that are deleted.
delete from checks where check_id = any ($1::text[]);

-- name: delete_incidents
-- Their incidents.
delete from checks_incidents where check_id = any ($1::text[]);

-- name: insert_deleted
-- That they are.
insert into checks_deleted
select * from json_populate_recordset(null::checks_deleted, $1);

-- name: checks
-- A page of checks, the newest first.
select checks.*, /* standing */
  from checks
 where tenant = $1
 order by created_at desc, check_id desc
 limit $2 offset $3;

-- name: named
-- Some checks.
select checks.*, /* standing */
  from checks
 where tenant = $1 and check_id = any ($2::text[]);

-- name: standing
-- Whether a check is down or slow.
exists (select from checks_incidents as i where i.check_id = checks.check_id and i.unresolved and i.kind = 'down') as down,
exists (select from checks_incidents as i where i.check_id = checks.check_id and i.unresolved and i.kind = 'slow') as slow

-- name: count
-- How many checks there are.
select count(*) from checks where tenant = $1;

-- name: news
-- What is new about checks of all tenants after position $1, $4 of it: settings of those that a prober of region $3 is to
-- probe, of these types, and none of those that it is not, or that are deleted.
(select position, check_id, tenant,
        case when not paused and settings ->> 'type' = any ($2::text[])
              and (jsonb_array_length(coalesce(settings -> 'regions', '[]')) = 0 or settings -> 'regions' ? $3)
             then settings end as settings
   from checks
  where position > $1
  order by position
  limit $4)
union all
(select position, check_id, '', null
   from checks_deleted
  where position > $1
  order by position
  limit $4)
 order by position
 limit $4;
