-- Where a command came with a trace context (https://www.w3.org/TR/trace-context/), its facts keep it: whoever follows the
-- log goes on with the same trace. The append takes one for each command.
--
-- The append of 0013 stays beside this one, for nodes of the release before: an upgrade replaces one node after the other.

alter table log.events add column traceparent text collate "C";

create function log.append(
    recorded timestamptz,
    new_commands log.new_command[],
    heads log.new_head[],
    event_commands integer[],
    event_streams text[],
    event_versions bigint[],
    event_topics text[],
    event_states bytea[],
    jobs log.job_change[],
    tasks log.task_change[],
    incidents log.incident_change[],
    processes log.process_change[],
    keys log.key_change[],
    user_tasks log.user_task_change[],
    subscriptions log.signal_subscription_change[],
    starts log.start_change[],
    traceparents text[],            -- one for each command, null where it came without
    out base bigint,
    out conflicts integer[],
    out stored log.stored_command[]
)
language plpgsql
set search_path = log
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_mergejoin = off
set jit = off
as $$
declare
    refused integer[] := '{}';
begin
    -- Whoever comes next waits here until this transaction is over. What is read below is therefore the latest.
    update head
       set position = position + cardinality(event_commands)
    returning position - cardinality(event_commands) into base;

    select array_agg(row(c.number, s.attempt, s.fingerprint, s.position, s.answer)::log.stored_command)
      into stored
      from (select ordinality as number, command_id from unnest(new_commands) with ordinality) as c
     cross join lateral (select * from commands as k where k.command_id = c.command_id offset 0) as s;

    select array_agg(distinct h.command)
      into conflicts
      from unnest(heads) as h
     where coalesce((select s.version from streams as s where s.stream = h.stream), 0) <> h.expected;

    if stored is not null or conflicts is not null then
        refused := coalesce(conflicts, '{}') || array(select s.command from unnest(stored) as s);
        update head
           set position = base + (select count(*) from unnest(event_commands) as command where command <> all (refused));
        jobs := array(select j from unnest(jobs) as j where j.command <> all (refused));
        tasks := array(select t from unnest(tasks) as t where t.command <> all (refused));
        incidents := array(select i from unnest(incidents) as i where i.command <> all (refused));
        processes := array(select p from unnest(processes) as p where p.command <> all (refused));
        keys := array(select k from unnest(keys) as k where k.command <> all (refused));
        user_tasks := array(select u from unnest(user_tasks) as u where u.command <> all (refused));
        subscriptions := array(select s from unnest(subscriptions) as s where s.command <> all (refused));
        starts := array(select d from unnest(starts) as d where d.command <> all (refused));
    end if;

    insert into events (notification_id, originator_id, originator_version, topic, state,
                        tenant, actor_kind, actor_id, happened_at, recorded_at, correlation_id, causation_id,
                        traceparent)
    select base + row_number() over (order by e.number), e.stream, e.version, e.topic, e.state,
           c.tenant, c.actor_kind, c.actor_id, c.happened_at, recorded, c.command_id, c.causation_id,
           traceparents[c.number]
      from unnest(event_commands, event_streams, event_versions, event_topics, event_states) with ordinality
           as e (command, stream, version, topic, state, number)
      join (select *, ordinality as number from unnest(new_commands) with ordinality) as c on c.number = e.command
     where c.number <> all (refused);

    insert into streams (stream, version)
    select h.stream, h.version
      from unnest(heads) as h
     where h.command <> all (refused)
        on conflict (stream) do update set version = excluded.version;

    insert into commands (command_id, attempt, position, recorded_at, fingerprint, answer, principal)
    select c.command_id, c.attempt, base + sum(c.events) over (order by c.number), recorded, c.fingerprint, c.answer, c.principal
      from (select *, ordinality as number from unnest(new_commands) with ordinality) as c
     where c.number <> all (refused);

    if cardinality(jobs) > 0 then perform change_open_jobs(jobs); end if;
    if cardinality(tasks) > 0 then perform change_open_tasks(tasks); end if;
    if cardinality(incidents) > 0 then perform change_open_incidents(incidents); end if;
    if cardinality(processes) > 0 then perform change_deployed_processes(processes); end if;
    if cardinality(keys) > 0 then perform change_api_keys(keys); end if;
    if cardinality(user_tasks) > 0 then perform change_open_user_tasks(user_tasks); end if;
    if cardinality(subscriptions) > 0 then perform change_signal_subscriptions(subscriptions); end if;
    if cardinality(starts) > 0 then perform change_start_definitions(starts); end if;
end $$;
