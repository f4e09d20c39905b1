-- Of statements of one moment about one licence the one that deactivates counts, and of several such the graver one.
create function sdmk.status_rank(status text) returns int
  language sql immutable parallel safe
  return coalesce(
    array_position(array['active', 'expired', 'suspended', 'inactive', 'revoked', 'deceased'], status), 0
  );

-- True where a row says less of a licence than what is stored: it is older, or of the same moment with a status that counts
-- for less. Under the same word of KKI it is the stored statement itself, read anew under another mapping. What SDMK itself
-- says has no moment: the later word counts.
create function sdmk.is_overruled(
  at timestamptz, status text, word text, stored_at timestamptz, stored_status text, stored_word text
) returns boolean
  language sql immutable parallel safe
  return at < stored_at or (
    at = stored_at and isfinite(at) and word is distinct from stored_word
    and sdmk.status_rank(status) < sdmk.status_rank(stored_status)
  );

-- What a rejected row says of its licence, and KKI's word for it; null where that is not known.
alter table kki.rejection_occurrence add column status text, add column source_status text;
