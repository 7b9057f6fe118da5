-- What the whole engine looks up beside its jobs and tasks: locks that expire, the stream that a task or the cause of an
-- incident stands in, user tasks, who waits for a signal, and which start events messages and signals have.
--
-- Changes come as in 0002: one array of changes for each table, rows found one by one and reached by their address.

-- Jobs: when the lock ends by itself, if it does.

alter table log.open_jobs add column lock_expires_at timestamptz;
create index open_jobs_expiring on log.open_jobs (lock_expires_at, partition, id) where lock_expires_at is not null;

alter type log.job_change add attribute lock_expires_at timestamptz;

create or replace function log.change_open_jobs(changes log.job_change[]) returns void language plpgsql as $$
begin
    insert into open_jobs (partition, id, tenant, process_id, process_instance_id, due_at, locked_by, lock_expires_at)
    select c.partition, c.id, c.tenant, c.process_id, c.process_instance_id, c.due_at, c.locked_by, c.lock_expires_at
      from unnest(changes) as c
     where c.action = 'open';

    update open_jobs as job
       set locked_by = found.locked_by,
           lock_expires_at = found.lock_expires_at
      from (select c.locked_by,
                   c.lock_expires_at,
                   (select o.ctid from open_jobs as o where o.partition = c.partition and o.id = c.id) as address
              from unnest(changes) as c
             where c.action = 'lock') as found
     where job.ctid = found.address;

    delete from open_jobs
     where ctid = any (array(
        select (select o.ctid from open_jobs as o where o.partition = c.partition and o.id = c.id)
          from unnest(changes) as c
         where c.action = 'close'));
end $$;

-- Tasks: the stream, which is the instance's or one of the task's own. The instance is known in both cases if there is one.

alter table log.open_tasks add column stream text collate "C";
update log.open_tasks
   set stream = case process_instance_id
                    when 0 then format('task-%s-%s', to_char(partition, 'YYYY-MM-DD'), id)
                    else format('instance-%s-%s', to_char(partition, 'YYYY-MM-DD'), process_instance_id)
                end;
alter table log.open_tasks alter column stream set not null;

alter type log.task_change add attribute stream text;

create or replace function log.change_open_tasks(changes log.task_change[]) returns void language plpgsql as $$
begin
    insert into open_tasks (partition, id, tenant, type, process_id, process_instance_id, due_at, locked_by, stream)
    select c.partition, c.id, c.tenant, c.type, c.process_id, c.process_instance_id, c.due_at, c.locked_by, c.stream
      from unnest(changes) as c
     where c.action = 'open';

    update open_tasks as task
       set locked_by = found.locked_by
      from (select c.locked_by,
                   (select o.ctid from open_tasks as o where o.partition = c.partition and o.id = c.id) as address
              from unnest(changes) as c
             where c.action = 'lock') as found
     where task.ctid = found.address;

    delete from open_tasks
     where ctid = any (array(
        select (select o.ctid from open_tasks as o where o.partition = c.partition and o.id = c.id)
          from unnest(changes) as c
         where c.action = 'close'));
end $$;

-- Incidents: the stream of the job or task that stopped, in place of the instance. Until now all of them stood on one.

alter table log.open_incidents add column stream text collate "C";
update log.open_incidents
   set stream = format('instance-%s-%s', to_char(partition, 'YYYY-MM-DD'), process_instance_id);
alter table log.open_incidents alter column stream set not null;
alter table log.open_incidents drop column process_instance_id;

alter type log.incident_change drop attribute process_instance_id, add attribute stream text;

create or replace function log.change_open_incidents(changes log.incident_change[]) returns void language plpgsql as $$
begin
    insert into open_incidents (partition, id, incident, tenant, stream)
    select c.partition, c.id, c.incident, c.tenant, c.stream
      from unnest(changes) as c
     where c.action = 'open';

    delete from open_incidents
     where ctid = any (array(
        select (select o.ctid from open_incidents as o where o.incident = c.incident)
          from unnest(changes) as c
         where c.action = 'close'));
end $$;

-- User tasks that somebody may still complete.
create table log.open_user_tasks (
    partition date not null,
    id integer not null,
    process_instance_id integer not null,
    tenant text collate "C" not null,
    primary key (partition, id)
) with (autovacuum_vacuum_scale_factor = 0.05);

create type log.user_task_change as (
    command integer,
    action text,                    -- open or close
    partition date,
    id integer,
    tenant text,
    process_instance_id integer
);

create function log.change_open_user_tasks(changes log.user_task_change[]) returns void language plpgsql as $$
begin
    insert into open_user_tasks (partition, id, process_instance_id, tenant)
    select c.partition, c.id, c.process_instance_id, c.tenant
      from unnest(changes) as c
     where c.action = 'open';

    delete from open_user_tasks
     where ctid = any (array(
        select (select o.ctid from open_user_tasks as o where o.partition = c.partition and o.id = c.id)
          from unnest(changes) as c
         where c.action = 'close'));
end $$;

-- Who waits for a signal: a signal reaches all of its name.
create table log.signal_subscriptions (
    id bigint primary key,
    partition date not null,
    process_instance_id integer not null,
    process_id integer not null,
    element_id integer not null,
    element_instance_id integer not null,
    tenant text collate "C" not null,
    name text collate "C" not null,
    element text collate "C" not null
) with (autovacuum_vacuum_scale_factor = 0.05);
create index signal_subscriptions_of_name on log.signal_subscriptions (tenant, name, id);

create type log.signal_subscription_change as (
    command integer,
    action text,                    -- open or close
    id bigint,
    tenant text,
    name text,
    partition date,
    process_instance_id integer,
    process_id integer,
    element_id integer,
    element text,
    element_instance_id integer
);

create function log.change_signal_subscriptions(changes log.signal_subscription_change[])
returns void language plpgsql as $$
begin
    insert into signal_subscriptions (id, partition, process_instance_id, process_id, element_id, element_instance_id,
                                      tenant, name, element)
    select c.id, c.partition, c.process_instance_id, c.process_id, c.element_id, c.element_instance_id,
           c.tenant, c.name, c.element
      from unnest(changes) as c
     where c.action = 'open';

    delete from signal_subscriptions
     where ctid = any (array(
        select (select o.ctid from signal_subscriptions as o where o.id = c.id)
          from unnest(changes) as c
         where c.action = 'close'));
end $$;

-- The start events of the latest version of each process that messages or signals start. A message starts one process:
-- of two that are deployed with one name in the same moment, the second fails.
create table log.start_definitions (
    element_id integer primary key,
    process_id integer not null,
    tenant text collate "C" not null,
    kind text collate "C" not null check (kind in ('message', 'signal')),
    name text collate "C" not null,
    bpmn_process_id text collate "C" not null,
    version text not null,
    element text collate "C" not null
);
create unique index start_definitions_of_message on log.start_definitions (tenant, name) where kind = 'message';
create index start_definitions_of_signal on log.start_definitions (tenant, name, element_id) where kind = 'signal';
create index start_definitions_of_process on log.start_definitions (tenant, bpmn_process_id);

create type log.start_change as (
    command integer,
    action text,                    -- close (all of the process) or open; what is closed goes first
    tenant text,
    bpmn_process_id text,
    kind text,
    name text,
    version text,
    process_id integer,
    element_id integer,
    element text
);

create function log.change_start_definitions(changes log.start_change[]) returns void language plpgsql as $$
begin
    delete from start_definitions
     where ctid = any (array(
        select s.address
          from unnest(changes) as c
         cross join lateral (
            select o.ctid as address
              from start_definitions as o
             where o.tenant = c.tenant and o.bpmn_process_id = c.bpmn_process_id
            offset 0) as s
         where c.action = 'close'));

    insert into start_definitions (element_id, process_id, tenant, kind, name, bpmn_process_id, version, element)
    select c.element_id, c.process_id, c.tenant, c.kind, c.name, c.bpmn_process_id, c.version, c.element
      from unnest(changes) as c
     where c.action = 'open';
end $$;
