-- name: known
-- Rules that facts of the batch are about.
select * from alert_rules
 where rule = any($1::text[]);

-- name: delete
-- Rules that are deleted, or are about to be inserted as they are now.
delete from alert_rules where rule = any($1::text[]);

-- name: insert
-- Rules as they are now.
insert into alert_rules
select * from json_populate_recordset(null::alert_rules, $1);

-- name: rules
-- The rules of a tenant, in the order in which they were made.
select * from alert_rules
 where tenant = $1
 order by rule
 limit $2;

-- name: rule
-- A rule of a tenant.
select * from alert_rules
 where tenant = $1 and rule = $2;

-- name: enabled
-- A stretch of the enabled rules of all tenants, after one of them: tenant by tenant, each one's in order.
select * from alert_rules
 where enabled and (tenant, rule) > ($1, $2)
 order by tenant, rule
 limit $3;
