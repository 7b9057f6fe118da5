-- What a decision looks up by something other than a stream. Written in the same transaction as the events, and equal at
-- all times to what the log says (infra/event_log/rebuilding.py). Only the append writes them, one append at a time.
--
-- For each table there is the form of a change and the function that applies an array of them. The functions name their
-- tables without a schema: a rebuild has temporary tables of the same names in front of them. Rows to change are found
-- one by one through a scalar subquery and then reached by their address: a join would leave the planner a choice, and
-- it chooses badly while a table is empty and full by turns.

create table log.open_jobs (
    partition date not null,
    id integer not null,
    process_id integer not null,
    process_instance_id integer not null,
    due_at timestamptz not null,
    tenant text collate "C" not null,
    locked_by text collate "C",
    primary key (partition, id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
-- The first serves a worker that takes any job, the second one that asks for some processes while others have a backlog.
create index open_jobs_due on log.open_jobs (tenant, due_at, partition, id) where locked_by is null;
create index open_jobs_due_of_process on log.open_jobs (tenant, process_id, due_at, partition, id) where locked_by is null;
create index open_jobs_of_instance on log.open_jobs (process_instance_id, partition);
create index open_jobs_locked on log.open_jobs (tenant, locked_by) where locked_by is not null;

create type log.job_change as (
    command integer,                -- the command in the append that makes this change, from 1
    action text,                    -- open, lock (locked_by null: unlock) or close
    partition date,
    id integer,
    tenant text,
    process_id integer,
    process_instance_id integer,
    due_at timestamptz,
    locked_by text
);

create function log.change_open_jobs(changes log.job_change[]) returns void language plpgsql as $$
begin
    insert into open_jobs (partition, id, tenant, process_id, process_instance_id, due_at, locked_by)
    select c.partition, c.id, c.tenant, c.process_id, c.process_instance_id, c.due_at, c.locked_by
      from unnest(changes) as c
     where c.action = 'open';

    update open_jobs as job
       set locked_by = found.locked_by
      from (select c.locked_by,
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

create table log.open_tasks (
    partition date not null,
    id integer not null,
    process_id integer not null,
    process_instance_id integer not null, -- 0: a task of the engine without an instance
    due_at timestamptz not null,
    tenant text collate "C" not null,
    type text collate "C" not null,
    locked_by text collate "C",
    primary key (partition, id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create index open_tasks_due on log.open_tasks (due_at, partition, id) where locked_by is null;
create index open_tasks_due_of_tenant on log.open_tasks (tenant, due_at, partition, id) where locked_by is null;
create index open_tasks_of_instance on log.open_tasks (process_instance_id, partition);
create index open_tasks_locked on log.open_tasks (tenant, locked_by) where locked_by is not null;

create type log.task_change as (
    command integer,
    action text,                    -- open, lock (locked_by null: unlock) or close
    partition date,
    id integer,
    tenant text,
    type text,
    process_id integer,
    process_instance_id integer,
    due_at timestamptz,
    locked_by text
);

create function log.change_open_tasks(changes log.task_change[]) returns void language plpgsql as $$
begin
    insert into open_tasks (partition, id, tenant, type, process_id, process_instance_id, due_at, locked_by)
    select c.partition, c.id, c.tenant, c.type, c.process_id, c.process_instance_id, c.due_at, c.locked_by
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

-- Incidents of processes, by the name the engine gives them and by their ULID.
create table log.open_incidents (
    partition date not null,
    id integer not null,
    process_instance_id integer not null,
    incident text collate "C" not null unique,
    tenant text collate "C" not null,
    primary key (partition, id)
) with (autovacuum_vacuum_scale_factor = 0.05);

create type log.incident_change as (
    command integer,
    action text,                    -- open or close
    incident text,
    partition date,
    id integer,
    tenant text,
    process_instance_id integer
);

create function log.change_open_incidents(changes log.incident_change[]) returns void language plpgsql as $$
begin
    insert into open_incidents (partition, id, process_instance_id, incident, tenant)
    select c.partition, c.id, c.process_instance_id, c.incident, c.tenant
      from unnest(changes) as c
     where c.action = 'open';

    delete from open_incidents
     where ctid = any (array(
        select (select o.ctid from open_incidents as o where o.incident = c.incident)
          from unnest(changes) as c
         where c.action = 'close'));
end $$;

-- Which process a number belongs to; never shrinks.
create table log.deployed_processes (
    process_id integer primary key,
    tenant text collate "C" not null,
    bpmn_process_id text not null,
    version text not null
);

create type log.process_change as (
    command integer,
    process_id integer,
    tenant text,
    bpmn_process_id text,
    version text
);

create function log.change_deployed_processes(changes log.process_change[]) returns void language plpgsql as $$
begin
    insert into deployed_processes (process_id, tenant, bpmn_process_id, version)
    select c.process_id, c.tenant, c.bpmn_process_id, c.version
      from unnest(changes) as c;
end $$;

-- The keys that open something; `key_hash` is the hex of a keyed hash, the key itself is kept nowhere.
create table log.api_keys (
    key_hash text collate "C" primary key,
    key_id text collate "C" not null unique,
    tenant text collate "C" not null,
    role text not null,
    name text not null
);

create type log.key_change as (
    command integer,
    action text,                    -- open or close
    key_id text,
    key_hash text,
    tenant text,
    role text,
    name text
);

create function log.change_api_keys(changes log.key_change[]) returns void language plpgsql as $$
begin
    insert into api_keys (key_hash, key_id, tenant, role, name)
    select c.key_hash, c.key_id, c.tenant, c.role, c.name
      from unnest(changes) as c
     where c.action = 'open';

    delete from api_keys
     where key_id = any (array(select c.key_id from unnest(changes) as c where c.action = 'close'));
end $$;
