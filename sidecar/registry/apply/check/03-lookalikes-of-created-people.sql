-- reads: plan_row, sdmk.health_worker
-- writes: created_person
-- People that the batch creates by rule 9 and that are similar to a person that its plan did not know (rule 8).
create temp table created_person on commit drop as
select h.id as row_no, h.nik_digest, h.name_key, h.birth_date, h.birth_place_key, h.sex
from plan_row p join sdmk.health_worker h on h.id = p.health_worker_id
where p.outcome = 'created' and p.rule = 9;
analyze created_person;

select count(*) as lookalikes
from sdmk.lookalikes('created_person', 'sdmk.health_worker') l
where l.id <> l.row_no
  and not exists (
    -- The plan has already compared people that the batch itself creates or changes.
    select from plan_row p where p.outcome <> 'rejected' and p.health_worker_id = l.id
  );
