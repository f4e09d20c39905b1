-- reads: sdmk.registration, touched
-- writes: kki.change, sdmk.registration
-- Derives the status of every licence of the people in the temp table `touched` from KKI's statements about all of them: a
-- death ends the active ones; a newer licence of the same profession and kind replaces an older one; at the day $2 licences
-- expire whose last day is before it. The whole status is derived each time, so that the order of rows does not matter. Each
-- change is recorded with batch $1. Null records nothing, for an undo.
with licence as (
  select r.*, bool_or(r.stated_status = 'deceased') over (partition by r.health_worker_id) as is_of_dead
  from touched t join sdmk.registration r using (health_worker_id)
), newest as (
  select distinct on (older.id) older.id, newer.id as newer_id
  from licence older
  join licence newer
    on newer.health_worker_id = older.health_worker_id and newer.profession = older.profession
    and newer.competence is not distinct from older.competence and newer.issued_on > older.issued_on
  where older.stated_status = 'active' and not older.is_of_dead
  order by older.id, newer.issued_on desc, newer.str_number desc
), derived as (
  select l.id, n.newer_id as replaced_by,
    case
      when l.stated_status <> 'active' then l.stated_status
      when l.is_of_dead then 'deceased'
      when n.newer_id is not null then 'replaced'
      when l.valid_until < $2::date then 'expired'
      else 'active'
    end as status
  from licence l left join newest n on n.id = l.id
), changed as (
  select d.*, r as before
  from derived d join sdmk.registration r on r.id = d.id
  where (r.status, r.replaced_by) is distinct from (d.status, d.replaced_by)
  order by d.id
), updated as (
  update sdmk.registration r
  set status = c.status, replaced_by = c.replaced_by, version = nextval('sdmk.version_seq'), updated_at = now()
  from changed c
  where r.id = c.id
  returning r.id, r.health_worker_id, kki.changed_fields(c.before, r) as before
)
insert into kki.change (batch_id, operation, health_worker_id, registration_id, registration_before)
select $1::bigint, 'updated', health_worker_id, id, before from updated where $1::bigint is not null order by id;
