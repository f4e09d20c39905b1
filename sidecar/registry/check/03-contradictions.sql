-- reads: block, kki.batch, kki.change, sdmk.registration
-- writes: contradiction
-- Licences of the people of the block that the present rules would not give to them. Two signs show it: a licence's row
-- changed the person between two contradicting states, or the evidence that was stored at the match contains a
-- contradiction. Decisions, imports and edits of people are left out.
create temp table contradiction on commit drop as
with changed as (
  select c.id, c.batch_id, c.health_worker_id, c.health_worker_before as was, to_jsonb(b) as is_now
  from block b
  join kki.change c on c.health_worker_id = b.id and c.registration_id is null and c.operation = 'updated'
  join kki.batch k on k.id = c.batch_id and k.state <> 'undone' and k.kind not in ('decision', 'import')
  where c.health_worker_before ?| array['nik_digest', 'name_key', 'birth_date', 'birth_place_key', 'sex']
), state as (
  -- A change record has the former values of its fields. The value after a change is the former value in the next change
  -- of the same field, or the present value.
  select c.id, c.batch_id, c.health_worker_id, f.field,
    case when c.was ? f.field then c.was ->> f.field else coalesce(n.value, c.is_now -> f.field) #>> '{}' end as before,
    coalesce(n.value, c.is_now -> f.field) #>> '{}' as after
  from changed c
  cross join unnest(array['nik_digest', 'name_key', 'birth_date', 'birth_place_key', 'sex']) f (field)
  left join lateral (
    select l.health_worker_before -> f.field as value from kki.change l
    where l.health_worker_id = c.health_worker_id and l.id > c.id and l.health_worker_before ? f.field
    order by l.id limit 1
  ) n on true
), states as (
  select id, batch_id, health_worker_id,
    jsonb_object_agg(field, before) as b, jsonb_object_agg(field, after) as a
  from state group by id, batch_id, health_worker_id
), sign as (
  -- The licences whose rows changed the person.
  select r.id as registration_id, s.health_worker_id, left(r.match_reason, 1)::smallint as rule,
    sdmk.agreement(s.b ->> 'nik_digest', s.a ->> 'nik_digest') as nik,
    sdmk.name_agreement(s.b ->> 'name_key', s.a ->> 'name_key') as name,
    sdmk.date_agreement((s.b ->> 'birth_date')::date, (s.a ->> 'birth_date')::date) as birth_date,
    sdmk.place_agreement(s.b ->> 'birth_place_key', s.a ->> 'birth_place_key') as birth_place,
    sdmk.agreement(s.b ->> 'sex', s.a ->> 'sex') as sex,
    sdmk.match_evidence(
      (s.b ->> 'nik_digest')::bytea, s.b ->> 'name_key', (s.b ->> 'birth_date')::date, s.b ->> 'birth_place_key', s.b ->> 'sex',
      (s.a ->> 'nik_digest')::bytea, s.a ->> 'name_key', (s.a ->> 'birth_date')::date, s.a ->> 'birth_place_key', s.a ->> 'sex'
    ) as evidence, 1 as place
  from states s
  join kki.change c on c.health_worker_id = s.health_worker_id and c.batch_id = s.batch_id and c.registration_id is not null
    and c.operation in ('linked', 'updated')
  join sdmk.registration r on r.id = c.registration_id and r.health_worker_id = s.health_worker_id and r.erased_at is null
  where r.match_reason ~ '^[356]\M'
  union all
  select r.id, r.health_worker_id, left(r.match_reason, 1)::smallint,
    case when r.match_reason ~ '\+nik' then 'equal' when r.match_reason ~ '-nik' then 'different' end,
    case when r.match_reason ~ '\+name' then 'equal' when r.match_reason ~ '~name' then 'part' when r.match_reason ~ '-name' then 'different' end,
    case when r.match_reason ~ '\+birth_date' then 'equal' when r.match_reason ~ '~birth_date' then 'near'
      when r.match_reason ~ '-birth_date' then 'different' end,
    case when r.match_reason ~ '\+birth_place' then 'equal' when r.match_reason ~ '~birth_place' then 'near'
      when r.match_reason ~ '-birth_place' then 'different' end,
    case when r.match_reason ~ '-sex' then 'different' end,
    substr(r.match_reason, 3), 2
  from block b
  join sdmk.registration r on r.health_worker_id = b.id and r.erased_at is null
  where r.match_reason ~ '^[356] .*-'
)
select distinct on (registration_id) registration_id, health_worker_id as holder_id, rule, evidence
from sign
where (name = 'different' or (name = 'near' and birth_date is distinct from 'equal')
    or birth_date = 'different' or birth_place = 'different' or sex = 'different')
  -- The stored evidence treats another spelling as another name.
  and ((name = 'different' and place = 1) or case rule
    when 3 then not sdmk.same_person(nik, name, birth_date, birth_place, sex)
    when 5 then birth_date = 'different' or sex = 'different'
    else not sdmk.same_nik_holder(name, birth_date, birth_place, sex)
  end)
order by registration_id, place;
