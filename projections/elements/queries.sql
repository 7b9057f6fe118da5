-- name: insert
-- New elements: a sequence for each column.
insert into elements
select * from unnest(
    $1::text[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[]);

-- name: elements
-- A page of elements.
select id, process_id, bpmn_element_id, bpmn_element_type, bpmn_element_name, parent_bpmn_element_id
  from elements
 where tenant = $1 /* criteria */
 order by id
 limit $2 offset $3;
