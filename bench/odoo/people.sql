-- $1 invented people, each with one registration, in the state after one applied batch; $2 first names and $3 family names.
with run as (
  insert into kki.run (triggered_by, mode, actor, request_id, trace_id, finished_at)
  values ('command', 'full', 'bench', 'bench', md5('run'), now())
  returning id
), batch as (
  insert into kki.batch (run_id, kind, state, fetched, created, trace_id)
  select id, 'full', 'applied', $1::int, $1::int, md5('batch') from run
  returning id
), drawn as (
  select n,
    ($2::text[])[1 + n % cardinality($2::text[])] || ' ' || ($3::text[])[1 + n / 7 % cardinality($3::text[])] || ' '
      || ($3::text[])[1 + n / 601 % cardinality($3::text[])] as name,
    timestamptz '2026-01-01 00:00Z' + n * interval '1 second' as stamp
  from generate_series(1, $1::int) n
), person as (
  insert into sdmk.health_worker (nik_digest, nik_sealed, name, title_prefix, title_suffix, name_key, birth_place,
    birth_place_key, birth_date, sex, nik_at, name_at, birth_place_at, birth_date_at, sex_at)
  select sha256(n::text::bytea), sha256(n::text::bytea), name, 'dr.', 'Sp.A', upper(name),
    'Bandung', 'BANDUNG', date '1960-01-01' + n % 15000, (array['male', 'female'])[1 + n % 2], stamp, stamp, stamp, stamp, stamp
  from drawn order by n
  returning id
), registration as (
  insert into sdmk.registration (health_worker_id, str_number, str_raw, str_format, profession, competence, status,
    source_status, stated_status, issued_on, valid_until, is_lifetime, institution, graduation_year, province, source_at, content_hash,
    match_reason)
  select p.id, 'BN' || lpad(p.id::text, 14, '0'), 'BN' || lpad(p.id::text, 14, '0'), 'lifetime',
    (select code from sdmk.profession order by code limit 1), 'Dokter Umum', 'active', 'AKTIF', 'active',
    date '2020-01-01' + (p.id % 2000)::int, null, true, 'Universitas Rekaan', 1990 + (p.id % 30)::int, 'Jawa Barat',
    timestamptz '2026-01-01 00:00Z' + p.id * interval '1 second', decode(md5(p.id::text), 'hex'), 'rule8'
  from person p
  returning id, health_worker_id
)
insert into kki.change (batch_id, row_no, operation, health_worker_id, registration_id)
select b.id, row_number() over (), 'created', r.health_worker_id, r.id from registration r cross join batch b;
