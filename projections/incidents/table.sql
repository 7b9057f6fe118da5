-- Ids that do not apply are 0.
create table incidents (
    incident text collate "C" primary key,  -- the ULID
    tenant text collate "C" not null,
    partition date not null,
    id integer not null,
    element_id integer not null,
    element_instance_id integer not null,
    job_id integer not null,
    process_id integer not null,
    process_instance_id integer not null,
    task_id integer not null,
    created_at timestamptz not null,
    created_by text not null,
    resolved_at timestamptz,
    resolved_by text not null
) with (fillfactor = 80);
create unique index incidents_listed on incidents (tenant, partition, id);
create index incidents_of_instance on incidents (process_instance_id, partition);
create index incidents_of_job on incidents (job_id, partition) where job_id > 0;
create index incidents_of_task on incidents (task_id, partition) where task_id > 0;
