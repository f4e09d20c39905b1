-- reads: contradiction, duplicate, kki.batch, kki.decision, kki.rejection, sdmk.health_worker, sdmk.registration
-- writes: question
-- The questions of a block, one per STR and code, without those that are already in the queue, or about which a person has
-- decided.
create temp table question on commit drop as
with asked as (
  select d.registration_id, 'POSSIBLE_DUPLICATE' as code, 8::smallint as rule, array_agg(d.other_id order by d.other_id) as candidates,
    (array_agg(sdmk.match_evidence(h.nik_digest, h.name_key, h.birth_date, h.birth_place_key, h.sex,
      o.nik_digest, o.name_key, o.birth_date, o.birth_place_key, o.sex) order by d.other_id))[1] as evidence
  from duplicate d
  join sdmk.health_worker h on h.id = d.holder_id
  join sdmk.health_worker o on o.id = d.other_id
  where d.registration_id is not null
  group by d.registration_id
  union all
  select registration_id, 'IDENTITY_CONFLICT', rule, array[holder_id], evidence from contradiction
), by_str as (
  select r.str_number, a.code, max(a.rule) as rule, min(a.evidence) as evidence, min(r.profession) as profession,
    array_agg(distinct c.id order by c.id) as candidates
  from asked a
  join sdmk.registration r on r.id = a.registration_id
  cross join unnest(a.candidates) c (id)
  group by r.str_number, a.code
)
select q.* from by_str q
where not exists (
    select from kki.rejection d
    where d.source = 'kki' and d.subject = q.str_number and d.code = q.code
      and (d.state = 'open' or (d.code = 'IDENTITY_CONFLICT' and d.state in ('dismissed', 'resolved')
        and d.first_batch_id in (select id from kki.batch where kind = 'check')))
  )
  and not (q.code = 'IDENTITY_CONFLICT' and exists (
    select from kki.decision e
    where e.str_number = q.str_number and e.health_worker_id = any (q.candidates) and e.withdrawn_at is null
  ));
