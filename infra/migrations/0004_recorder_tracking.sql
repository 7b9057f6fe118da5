-- How far applications have come that use the eventsourcing library's recorder protocol (infra/event_log/recorder.py).

create table log.tracking (
    application_name text collate "C" primary key,
    notification_id bigint not null
);

-- Move an application on. Going back, or standing still, is the library's IntegrityError.
create function log.track(application text, id bigint) returns void language plpgsql as $$
begin
    insert into log.tracking as tracked (application_name, notification_id) values (application, id)
        on conflict (application_name) do update set notification_id = excluded.notification_id
     where tracked.notification_id < excluded.notification_id;
    if not found then
        raise unique_violation using message = format('%s has come to %s already', application, id);
    end if;
end $$;
