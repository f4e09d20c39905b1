-- People whom batch $1 creates by rule 9 and who look like somebody of whom its plan knew nothing (rule 8).
with born as materialized (
  select h.id as row_no, h.nik_digest, h.name_key, h.birth_date, h.birth_place_key, h.sex
  from kki.plan_row p join sdmk.health_worker h on h.id = p.health_worker_id
  where p.batch_id = $1 and p.outcome = 'created' and p.rule = 9
), lookalike as (
  :lookalikes(born, sdmk.health_worker)
)
select count(*) as lookalikes
from lookalike l
where l.id <> l.row_no
  and not exists (
    -- Whom the batch itself creates or changes its plan has looked at.
    select from kki.plan_row p where p.batch_id = $1 and p.outcome <> 'rejected' and p.health_worker_id = l.id
  );
