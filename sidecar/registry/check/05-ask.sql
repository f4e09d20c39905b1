-- reads: question
-- writes: kki.rejection, kki.rejection_occurrence
-- Adds the questions of a block to the review queue, as rejections of batch $1 on its page $2.
with opened as (
  insert into kki.rejection (subject, str_number, profession, code, problems, urgent, rule, evidence, candidates,
    first_batch_id, last_batch_id)
  select str_number, str_number, profession, code, '[{"instancePath": "", "params": {}}]', false, rule, evidence, candidates, $1, $1
  from question
  order by str_number, code
  -- A batch that is applied at the same time may reject a row with the same code.
  on conflict (source, subject, code) where state = 'open' do nothing
  returning id, profession, code
), numbered as (
  select id, profession, code, row_number() over (order by id) as place from opened
), kept as (
  -- The question has no row, so KKI is asked for one. Any row of the STR may replace this one.
  insert into kki.rejection_occurrence (batch_id, row_no, rejection_id, page, page_row, profession)
  select $1, $3 + place, id, $2, place, profession from numbered
)
select code, array_agg(id) as ids from opened group by code
