-- Statuses of those of whom something was left, as they follow from what is stored now (apply/11-derive-statuses.sql), as of
-- the day $1.
with licence as (
  select r.*, bool_or(r.stated_status = 'deceased') over (partition by r.health_worker_id) as is_of_dead
  from undo_rederive t join sdmk.registration r using (health_worker_id)
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
      when l.valid_until < $1::date then 'expired'
      else 'active'
    end as status
  from licence l left join newest n on n.id = l.id
)
update sdmk.registration r
set status = d.status, replaced_by = d.replaced_by, version = nextval('sdmk.version_seq'), updated_at = now()
from (select * from derived order by id) d
where r.id = d.id and (r.status, r.replaced_by) is distinct from (d.status, d.replaced_by);
