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

-- name: gathered
-- Of the samples of a metric in a window, narrowed down by a scope, up to $6 of them: how many there are, how many of these
-- say how many of how many failed, the sums of that, and what is asked for of the values.
select count(*) as samples, count(*) - count(value) as shares,
       coalesce(sum(failed), 0)::bigint as failed, coalesce(sum(total), 0)::bigint as total, /* values */ as values
  from (select value, failed, total
          from alert_samples
         where tenant = $1 and metric = $2 and at >= $3 and at <= $4 and scope @> $5::jsonb
         limit $6) as chosen;

-- name: all_values
-- All of the values, in no order that matters.
array_agg(value)

-- name: percentile
-- The value at position floor(0.95 n) in ascending order, counted from 0.
(array_agg(value order by value))[1 + 95 * count(*) / 100]
