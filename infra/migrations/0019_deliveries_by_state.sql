-- Indexes of deliveries by what is asked of them, so that nothing walks over what waits of webhooks that are disabled: what
-- comes next of an ordered webhook, lists by state, and what ended long enough ago to be forgotten. A delivery's age counts
-- from its last attempt: what has waited for a month can still be looked at, and asked for, when it has ended.

create index deliveries_pending on delivery.deliveries (webhook, sequence) where state = 'pending';
create index deliveries_not_made on delivery.deliveries (webhook, state, sequence) where state in ('failed', 'lost');
create index deliveries_ended on delivery.deliveries (coalesce(last_attempt_at, created_at)) where state <> 'pending';

drop index delivery.deliveries_open, delivery.deliveries_by_age;
