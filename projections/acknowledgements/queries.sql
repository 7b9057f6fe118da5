-- name: forget
-- Incidents that are acknowledged no longer, or are about to be inserted as of now.
delete from acknowledged_incidents where incident = any($1::text[]);

-- name: insert
-- Incidents that are acknowledged now.
insert into acknowledged_incidents
select * from json_populate_recordset(null::acknowledged_incidents, $1);

-- name: unset_timeouts
-- Tenants without a time-out, and those whose time-out is about to be inserted as of now.
delete from acknowledgement_timeouts where tenant = any($1::text[]);

-- name: set_timeouts
-- Time-outs of tenants.
insert into acknowledgement_timeouts
select * from unnest($1::text[], $2::integer[]);

-- name: expired
-- Acknowledgements of all tenants whose time is over, each tenant's in the order in which they ran out.
select acknowledged.tenant, acknowledged.incident
  from acknowledgement_timeouts as timeout
 cross join lateral (
       select tenant, incident
         from acknowledged_incidents
        where tenant = timeout.tenant and since <= $1::timestamptz - timeout.minutes * interval '1 minute'
        order by since, incident
        limit $2
       ) as acknowledged
 limit $2;
