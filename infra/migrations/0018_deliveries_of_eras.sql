-- Deliveries of logs that have lost facts: an event that is given a position anew is another one, and is delivered under an
-- id of its own. Its era is in the id: the random one of log.eras, since numbers are given again after a restore.

-- The id of the era of what is at a position, empty for the first era.
create function log.era_at(place bigint) returns text language sql stable parallel safe return
    coalesce((select id from log.eras where number > 1 and began_after < place order by number desc limit 1), '');

-- The latest era that deliveries know of.
alter table delivery.progress add column era text collate "C" not null default '';

alter table delivery.deliveries add column era text collate "C" not null default '';
alter table delivery.attempts add column era text collate "C" not null default '';
alter table delivery.attempts drop constraint attempts_webhook_position_fkey, drop constraint attempts_pkey;
alter table delivery.deliveries drop constraint deliveries_pkey, add primary key (webhook, position, era);
alter table delivery.attempts add primary key (webhook, position, era, number),
    add foreign key (webhook, position, era) references delivery.deliveries on delete cascade;

-- lost: the log does not have the event any more, and it is not sent.
alter table delivery.deliveries drop constraint deliveries_state_check,
    add check (state in ('pending', 'delivered', 'failed', 'lost'));
