-- reads: merged
-- writes: kki.change, sdmk.health_worker
-- The people who changed, and a change record for each with the former values.
with updated as (
  update sdmk.health_worker h
  set
    name = case when m.name_wins then m.name else h.name end,
    title_prefix = case when m.name_wins then m.title_prefix else h.title_prefix end,
    title_suffix = case when m.name_wins then m.title_suffix else h.title_suffix end,
    name_key = case when m.name_wins then m.name_key else h.name_key end,
    name_at = case when m.name_wins then m.name_at else h.name_at end,
    nik_digest = case when m.nik_is_replaced then m.nik_digest else coalesce(h.nik_digest, m.nik_digest) end,
    nik_sealed = case when m.nik_is_replaced then m.nik_sealed else coalesce(h.nik_sealed, m.nik_sealed) end,
    nik_at = case when m.nik_wins or m.nik_is_replaced then m.nik_at else h.nik_at end,
    birth_place = case when m.birth_place_wins then m.birth_place else h.birth_place end,
    birth_place_key = case when m.birth_place_wins then m.birth_place_key else h.birth_place_key end,
    birth_place_at = case when m.birth_place_wins then m.birth_place_at else h.birth_place_at end,
    birth_date = case when m.birth_date_wins then m.birth_date else h.birth_date end,
    birth_date_at = case when m.birth_date_wins then m.birth_date_at else h.birth_date_at end,
    sex = case when m.sex_wins then m.sex else h.sex end,
    sex_at = case when m.sex_wins then m.sex_at else h.sex_at end,
    version = nextval('sdmk.version_seq'),
    updated_at = now()
  from (select * from merged order by id) m
  where h.id = m.id
  returning h.id, kki.changed_fields(m.before, h) as before
)
insert into kki.change (batch_id, operation, health_worker_id, health_worker_before)
select $1, 'updated', id, before from updated order by id;
