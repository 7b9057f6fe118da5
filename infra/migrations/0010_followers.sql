-- Where the read models stand, and who may write what only one node writes. The read models' own tables are disposable:
-- their DDL lives with them (projections/<read model>/table.sql), not here.

-- The live tables of the read models. Each is filled from the log, and replaced by a rebuild.
create schema if not exists read;

-- One row a read model. Its position moves in the transaction that writes its tables, so that each fact changes them once.
create table log.followers (
    name text collate "C" primary key,
    version integer not null,       -- of the read model whose tables these are
    tables text[] not null,         -- in schema read; what a rebuild drops when it puts its own in their place
    position bigint not null,       -- every fact up to here is in the tables
    failed_at bigint,               -- the fact that it cannot apply; it stands before it until it can
    error text,
    failed_since timestamptz,
    check ((failed_at is null) = (error is null) and (failed_at is null) = (failed_since is null))
) with (fillfactor = 30);

-- One row for each rebuild that is under way, in schema rebuild_<name>.
create table log.rebuilds (
    name text collate "C" primary key,
    version integer not null,
    position bigint not null
) with (fillfactor = 30);

-- Who may act alone: the holder until expires_at by the database's clock, or until the session that took the lease is
-- gone. The epoch rises with each change of hands. A write that only the holder may do looks the epoch up and locks the
-- row in its own transaction, so that a holder that slept through the change writes nothing.
create table log.leases (
    name text collate "C" primary key,
    holder text not null,
    epoch bigint not null,
    expires_at timestamptz not null,
    session_pid integer not null,
    session_began_at timestamptz
) with (fillfactor = 30);
