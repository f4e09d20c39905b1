-- People whom batch $1 creates by rule 9 and who look like somebody of whom its plan knew nothing (rule 8).
with born as (
  select h.id, h.nik_digest, h.name_key, h.birth_date, h.birth_place_key
  from kki.plan_row p join sdmk.health_worker h on h.id = p.health_worker_id
  where p.batch_id = $1 and p.outcome = 'created' and p.rule = 9
    and h.birth_date is not null and h.birth_place_key is not null
), lookalike as (
  select b.id, o.id as other_id
  from born b
  join sdmk.health_worker o
    on o.name_key = b.name_key and o.birth_date = b.birth_date and o.birth_place_key = b.birth_place_key
  where b.nik_digest is null
  union all
  select b.id, o.id
  from born b
  join sdmk.health_worker o
    on o.name_key = b.name_key and o.birth_date = b.birth_date and o.birth_place_key = b.birth_place_key
    and o.nik_digest is null
  where b.nik_digest is not null
)
select count(*) as lookalikes
from lookalike l
where l.other_id <> l.id
  and not exists (
    -- Whom the batch itself creates or changes its plan has looked at.
    select from kki.plan_row p where p.batch_id = $1 and p.outcome <> 'rejected' and p.health_worker_id = l.other_id
  );
