-- name: since
-- Since when samples are kept.
select since from alert_samples_kept;

-- name: keep
-- Keep samples since a later time.
insert into alert_samples_kept values (1, $1) on conflict (id) do update set since = excluded.since;

-- name: drop
-- Samples that are too old.
delete from alert_samples where at < $1;

-- name: insert
-- New samples.
insert into alert_samples
select * from json_populate_recordset(null::alert_samples, $1);

-- name: samples
-- The samples of a metric in a window, narrowed down by a scope: as many as are asked for, in no order that matters.
select metric, at, value, failed, total, scope
  from alert_samples
 where tenant = $1 and metric = $2 and at >= $3 and at <= $4 and scope @> $5::jsonb
 limit $6;
