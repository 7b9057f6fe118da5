-- name: suspend
-- The start events of the versions that were there before some processes were deployed anew.
update elements
   set suspended = true
  from unnest($1::text[], $2::text[]) as deployed (tenant, bpmn_process_id)
 where elements.tenant = deployed.tenant
   and elements.starts = deployed.bpmn_process_id
   and not suspended;

-- name: insert
-- New elements.
insert into elements
select * from json_populate_recordset(null::elements, $1);

-- name: elements
-- A page of elements.
select id, process_id, bpmn_element_id, bpmn_element_type, bpmn_element_name, parent_bpmn_element_id, multi_instance,
       event_definition, suspended
  from elements
 where tenant = $1 /* criteria */
 order by id
 limit $2 offset $3;
