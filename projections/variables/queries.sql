-- name: delete
-- Variables that are gone, or that came back under their old number and start anew.
delete from variables
 using json_populate_recordset(null::variables, $1) as gone
 where variables.tenant = gone.tenant
   and variables.partition = gone.partition
   and variables.id = gone.id;

-- name: set
-- Variables that got a value. Who made it first stays as it was.
insert into variables
select * from json_populate_recordset(null::variables, $1)
on conflict (tenant, partition, id) do update
   set encoding = excluded.encoding,
       encrypted = excluded.encrypted,
       value = excluded.value,
       sealed_for = excluded.sealed_for,
       updated_at = excluded.updated_at,
       updated_by = excluded.updated_by;

-- name: variables
-- A page of variables, without their values.
select partition, id, element_id, element_instance_id, process_id, process_instance_id, name, created_at, created_by,
       encoding, encrypted, updated_at, updated_by
  from variables
 where tenant = $1 /* criteria */
 order by partition, id
 limit $2 offset $3;

-- name: values
-- The variables of an instance: of some scopes or, with null, of all; those of some names or, with none, all. The tenant
-- is tested aside, so that the index of the instance leads (projections/conditions.py). The values are left out where
-- they come to more bytes than $6: they would have to fit into memory.
select name, element_instance_id, encoding, encrypted, case when bytes <= $6 then value end as value, sealed_for,
       bytes
  from (select name, element_instance_id, encoding, encrypted, value, sealed_for,
               sum(octet_length(value)) over () as bytes
          from variables
         where (tenant = $1) is true and partition = $2 and process_instance_id = $3
           and ($4::integer[] is null or element_instance_id = any($4::integer[]))
           and (cardinality($5::text[]) = 0 or name = any($5::text[]))
       ) as weighed
 order by name, element_instance_id;
