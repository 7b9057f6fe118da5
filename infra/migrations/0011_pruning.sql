-- Forgetting commands, oldest first. The room of those that are gone is filled again, so that after a day old and new lie
-- side by side. A BRIN index tells them apart no longer then, and each look for some old ones read most of the table;
-- in a B-tree they come first, however many there are. Vacuum runs before the room of many hours is lost.

drop index log.commands_recorded_at;
create index commands_recorded_at on log.commands (recorded_at);

alter table log.commands set (autovacuum_vacuum_scale_factor = 0.05);
