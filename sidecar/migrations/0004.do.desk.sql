-- The desk: which refused rows still wait, whom a decision means, and what KKI answered when it was asked again.

-- A rejection may stand for several rows: an STR that two people carry. Each of them waits for itself, so that the row of
-- one person in good order does not take the other person's revocation off the desk.
alter table kki.rejection_occurrence
  add column profession text collate "C",
  add column urgent boolean not null default false,
  add column nik_digest bytea,
  add column name_key text collate "C",
  add column source_at timestamptz,
  -- Keyed digest of the row as it came: a dismissed rejection stays dismissed while it is the same.
  add column content_digest bytea,
  -- The batch in which this row came in good order, or came anew and was refused again.
  add column settled_by_batch_id bigint constraint rejection_occurrence_settled_by_fkey references kki.batch (id);

update kki.rejection_occurrence o
set profession = r.profession, urgent = r.urgent, nik_digest = r.nik_digest, name_key = r.name_key,
  source_at = r.source_at, content_digest = r.content_digest,
  settled_by_batch_id = case
    when r.state in ('healed', 'resolved') then r.closed_by_batch_id
    when o.batch_id <> r.last_batch_id then r.last_batch_id
  end
from kki.rejection r
where r.id = o.rejection_id;

alter table kki.rejection
  drop column content_digest,
  drop column nik_digest,
  drop column name_key,
  drop column source_at;

create index rejection_occurrence_waiting_idx on kki.rejection_occurrence (rejection_id) where settled_by_batch_id is null;
create index rejection_occurrence_settled_by_idx on kki.rejection_occurrence (settled_by_batch_id)
  where settled_by_batch_id is not null;
create index rejection_open_code_idx on kki.rejection (code, id) where state = 'open';

-- A decision about a row without a NIK is about the person of that name: somebody else's row may carry the same STR.
alter table kki.decision add column name_key text collate "C";
drop index kki.decision_standing_uniq;
create unique index decision_standing_uniq on kki.decision (str_number, nik_digest, name_key) nulls not distinct
  where withdrawn_at is null;

create function kki.decision_fits(decision kki.decision, nik_digest bytea, name_key text) returns boolean
  language sql stable parallel safe
  return decision.withdrawn_at is null
    and decision.nik_digest is not distinct from nik_digest
    and (decision.name_key is null or sdmk.names_compatible(decision.name_key, name_key));

-- STRs that a retry batch asks KKI for, one by one.
create table kki.retry_item (
  batch_id bigint not null constraint retry_item_batch_fkey references kki.batch (id),
  item_no int not null,
  str_number text collate "C" not null,
  -- As KKI spelled it in the refused row.
  str_asked text not null,
  -- Null until KKI has answered.
  answer text,
  answered_at timestamptz,
  constraint retry_item_pkey primary key (batch_id, item_no),
  constraint retry_item_answer_known check (answer in ('found', 'not_found', 'refused'))
);

create index retry_item_str_number_idx on kki.retry_item (str_number);
