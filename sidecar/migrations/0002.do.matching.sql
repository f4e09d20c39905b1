-- The comparisons that the matching table uses (docs/explain/matching.md).
--
-- Two values agree in one of a few ways. A missing value gives null: it neither agrees nor disagrees. All rules use these
-- functions, so each comparison means the same in all of them.

-- True if the keys are equal, or one holds all words of the other and they share at least two. A key holds each of its
-- words once, in order.
create function sdmk.names_compatible(a text, b text) returns boolean
  language sql immutable parallel safe
  return a = b or (
    least(cardinality(string_to_array(a, ' ')), cardinality(string_to_array(b, ' '))) >= 2
    and (string_to_array(a, ' ') <@ string_to_array(b, ' ') or string_to_array(b, ' ') <@ string_to_array(a, ' '))
  );

-- Returns 'equal' or 'different', for values that have no other way to agree.
create function sdmk.agreement(a anyelement, b anyelement) returns text
  language sql immutable parallel safe
  as $$ select case when a = b then 'equal' when a <> b then 'different' end $$;

-- Returns one spelling for all spellings of a name key: the spelling of before 1972 (oe, dj, tj, sj, nj, and j for y), ch for
-- h, v and ph for f, digits that were read for letters, and doubled letters within a word. It is for comparison only: a
-- stored key is never folded. i and y stay apart: Desi and Desy are twins.
create function sdmk.fold_name(name_key text) returns text
  language sql immutable parallel safe
  return regexp_replace(regexp_replace(regexp_replace(
    replace(replace(replace(replace(replace(replace(replace(
      translate(name_key, '0158', 'OISB'), 'OE', 'U'), 'DJ', 'J'), 'TJ', 'C'), 'SJ', 'SY'), 'NJ', 'NY'), 'CH', 'H'), 'PH', 'F'),
    'V(?=[AEIOUY])|(?<=[AEIOUY])V', 'F', 'g'),
    'J(?=[AEIOU])', 'Y', 'g'),
    '(?<=[AEIOUY])([BCDFGHKLMNPRSTZ])\1+|(?<=[BCDFGHJKLMNPRSTWZ])([AEIOU])\2+', '\1\2', 'g');

-- Returns how each word of a name key sounds, for a search by somebody who only heard the name: the consonants that hardly
-- any misspelling changes. One letter stands for d and t, for f, p and v, for k and q, and for s and z; vowels, h, y, kh and ch
-- are left out. It is one expression of plain replacements, because it is computed for every
-- person that is stored.
create function sdmk.name_sounds(name_key text) returns text[]
  language sql immutable parallel safe
  return string_to_array(translate(
    replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
      translate(replace(replace(replace(replace(replace(
        translate(name_key, '0158FVQZ', 'OISBPPKS'), 'DJ', 'J'), 'TJ', 'C'), 'KH', ''), 'CH', ''), 'X', 'KS'), 'D', 'T')
      , 'BB', 'B'), 'CC', 'C'), 'GG', 'G'), 'JJ', 'J'), 'KK', 'K'), 'LL', 'L')
      , 'MM', 'M'), 'NN', 'N'), 'PP', 'P'), 'RR', 'R'), 'SS', 'S'), 'TT', 'T'),
    'AEIOUHY', ''), ' ');

-- New entries wait in a list, which a load appends to, and every lookup of a search reads the whole list. With 16 MB
-- a search after a load of 60,000 people took eight times as long; the cost for the load is not known yet.
create index health_worker_name_sounds_idx on sdmk.health_worker using gin (sdmk.name_sounds(name_key))
  with (gin_pending_list_limit = 256);

-- Returns how two words of a name differ by one typing error:
--   light  the error hardly makes another name: two letters exchanged; a letter too many, too few or another within a long
--          word; letters that sound or look alike
--   one    any other letter. An exchanged vowel is not a light error: Rina and Rini are twins
--   null   more than one error
create function sdmk.slip(a text, b text) returns text
  language plpgsql immutable strict parallel safe as $$
declare
  shorter constant int := least(length(a), length(b));
  longer constant int := greatest(length(a), length(b));
  head int := 0;
  tail int := 0;
  rest_a text;
  rest_b text;
begin
  if longer - shorter > 1 then return null; end if;
  while head < shorter and substr(a, head + 1, 1) = substr(b, head + 1, 1) loop head := head + 1; end loop;
  while tail < shorter - head and left(right(a, tail + 1), 1) = left(right(b, tail + 1), 1) loop tail := tail + 1; end loop;
  rest_a := substr(a, head + 1, length(a) - head - tail);
  rest_b := substr(b, head + 1, length(b) - head - tail);
  if length(rest_a) + length(rest_b) = 1 then
    return case when longer >= 6 and head > 0 and tail > 0 then 'light' else 'one' end;
  end if;
  if length(rest_a) = 1 and length(rest_b) = 1 then
    return case
      when least(rest_a, rest_b) || greatest(rest_a, rest_b) in ('FP', 'DT', 'IL', 'BH', 'CE', 'UV', 'GQ', 'OQ')
        and longer >= 4 then 'light'
      when head > 0 and longer >= 5 and (rest_a ~ '[AEIOUY]') <> (rest_b ~ '[AEIOUY]') then 'light'
      when head > 0 and tail > 0 and longer >= 6 and rest_a || rest_b ~ '^[B-DF-HJ-NP-TV-XZ]{2}$' then 'light'
      else 'one'
    end;
  end if;
  if length(rest_a) = 2 and length(rest_b) = 2 and rest_a = reverse(rest_b) then
    return case when longer >= 5 then 'light' else 'one' end;
  end if;
  if (rest_a, rest_b) in (('RN', 'M'), ('M', 'RN'), ('CL', 'D'), ('D', 'CL')) then return 'light'; end if;
  return null;
end
$$;

-- Returns how two name keys agree:
--   equal      the same key
--   part       one holds all words of the other, and they share at least two; or they differ by a single letter that stands
--              alone, which may be an initial or a title
--   similar    every word has its counterpart in the other name: folded to the same spelling, an initial, a word that was cut
--              or abbreviated, a light error, or two words written as one. At least one word is the same except for its
--              spelling. Or one name is a single word of the other
--   near       they share two words, or each word differs from its counterpart by one letter: enough to ask a person, too
--              little to decide
--   different  anything else
create function sdmk.name_agreement(a text, b text) returns text
  language plpgsql immutable strict parallel safe as $$
declare
  words_a text[];
  words_b text[];
  rest_a text[];
  rest_b text[];
  word_a text;
  at int;
  strong int := 0;
  like_words int := 0;
  is_long boolean := false;
begin
  if a = '' or b = '' then return null; end if;
  if a = b then return 'equal'; end if;
  if sdmk.names_compatible(a, b) then return 'part'; end if;
  words_a := string_to_array(a, ' ');
  words_b := string_to_array(b, ' ');
  if a ~ '\m\w\M' or b ~ '\m\w\M' then
    select array_agg(word) into rest_a from unnest(words_a) word where length(word) > 1;
    select array_agg(word) into rest_b from unnest(words_b) word where length(word) > 1;
    if rest_a = rest_b and (words_a <@ words_b or words_b <@ words_a) then return 'part'; end if;
  end if;
  words_a := string_to_array(sdmk.fold_name(a), ' ');
  words_b := string_to_array(sdmk.fold_name(b), ' ');
  rest_b := words_b;
  rest_a := '{}';
  foreach word_a in array words_a loop
    at := array_position(rest_b, word_a);
    if at is null then
      rest_a := rest_a || word_a;
    else
      rest_b := rest_b[:at - 1] || rest_b[at + 1:];
      if length(word_a) >= 3 then strong := strong + 1; end if;
    end if;
  end loop;
  if cardinality(rest_a) = 0 and cardinality(rest_b) = 0 then return 'similar'; end if;
  if (cardinality(words_a) = 1 and cardinality(rest_a) = 0 and length(words_a[1]) >= 4)
    or (cardinality(words_b) = 1 and cardinality(rest_b) = 0 and length(words_b[1]) >= 4) then return 'similar'; end if;
  if strong = 0 and cardinality(words_a) > 1 and cardinality(words_b) > 1 then return 'different'; end if;
  -- The remaining words, one by one.
  if cardinality(rest_a) = cardinality(rest_b) then
    words_a := '{}';
    words_b := rest_b;
    foreach word_a in array rest_a loop
      select n into at from unnest(words_b) with ordinality r (word, n)
      where (least(length(word_a), length(word)) = 1 and left(word_a, 1) = left(word, 1))
        or (length(word_a) = 2 and left(word_a, 1) <> right(word_a, 1) and word like left(word_a, 1) || '_%' || right(word_a, 1) || '%')
        or (length(word) = 2 and left(word, 1) <> right(word, 1) and word_a like left(word, 1) || '_%' || right(word, 1) || '%')
        or (least(length(word_a), length(word)) >= 3 and abs(length(word_a) - length(word)) >= 2
          and (starts_with(word_a, word) or starts_with(word, word_a)))
        or sdmk.slip(word_a, word) = 'light'
      limit 1;
      if at is null then
        words_a := words_a || word_a;
      else
        words_b := words_b[:at - 1] || words_b[at + 1:];
        is_long := is_long or length(word_a) >= 5;
      end if;
    end loop;
    if cardinality(words_a) = 0 and (strong > 0 or (cardinality(rest_a) = 1 and is_long)) then return 'similar'; end if;
  -- Two words written as one.
  elsif (cardinality(rest_a) = 1 and cardinality(rest_b) = 2 and rest_a[1] in (rest_b[1] || rest_b[2], rest_b[2] || rest_b[1]))
    or (cardinality(rest_b) = 1 and cardinality(rest_a) = 2 and rest_b[1] in (rest_a[1] || rest_a[2], rest_a[2] || rest_a[1])) then
    return 'similar';
  end if;
  if strong > 1 or (strong > 0 and (cardinality(rest_a) = 0 or cardinality(rest_b) = 0)) then return 'near'; end if;
  foreach word_a in array rest_a loop
    select n into at from unnest(rest_b) with ordinality r (word, n)
    where least(length(word_a), length(word)) >= 4
      and (sdmk.slip(word_a, word) is not null or starts_with(word_a, word) or starts_with(word, word_a))
    limit 1;
    if at is not null then
      rest_b := rest_b[:at - 1] || rest_b[at + 1:];
      like_words := like_words + 1;
    end if;
  end loop;
  if like_words > 0 and (like_words = cardinality(rest_a) or cardinality(rest_b) = 0) then return 'near'; end if;
  return 'different';
end
$$;

-- Returns how two birth dates agree:
--   equal
--   near       one other digit, two adjacent digits exchanged, day and month exchanged, 1 January of the year, the day
--              before or after, or the same day of another year
--   partly     another day of the same year: not enough to contradict
--   different  another year and another day
create function sdmk.date_agreement(a date, b date) returns text
  language plpgsql immutable strict parallel safe as $$
declare
  digits_a text;
  digits_b text;
begin
  if a = b then return 'equal'; end if;
  if abs(a - b) = 1 then return 'near'; end if;
  digits_a := (date_part('year', a) * 10000 + date_part('month', a) * 100 + date_part('day', a))::int::text;
  digits_b := (date_part('year', b) * 10000 + date_part('month', b) * 100 + date_part('day', b))::int::text;
  if sdmk.slip(digits_a, digits_b) is not null then return 'near'; end if;
  if left(digits_a, 4) = left(digits_b, 4) then
    if right(digits_a, 4) = '0101' or right(digits_b, 4) = '0101'
      or right(digits_a, 4) = right(digits_b, 2) || substr(digits_b, 5, 2) then return 'near'; end if;
    return 'partly';
  end if;
  if right(digits_a, 4) = right(digits_b, 4) then return 'near'; end if;
  return 'different';
end
$$;

-- Returns how two keys of birthplaces agree:
--   equal
--   near       one holds all words of the other, they differ by one error, or both are of one city or regency
--              (BANDUNG/CICENDO is a subdistrict of BANDUNG)
--   different  anything else
create function sdmk.place_agreement(a text, b text) returns text
  language sql immutable parallel safe
  return case
    when a is null or b is null then null
    when a = b then 'equal'
    when split_part(a, '/', 1) = split_part(b, '/', 1) then 'near'
    when string_to_array(a, ' ') <@ string_to_array(b, ' ') or string_to_array(b, ' ') <@ string_to_array(a, ' ') then 'near'
    when least(length(a), length(b)) >= 5 and sdmk.slip(a, b) is not null then 'near'
    else 'different'
  end;

-- The rules. Each argument says how two records agree in that value.

-- Rules 1 and 3: two records with one STR are the same person.
create function sdmk.same_person(nik text, name text, birth_date text, birth_place text, sex text) returns boolean
  language sql immutable parallel safe
  return coalesce(case nik
    when 'different' then false
    when 'equal' then case
      when name in ('equal', 'similar', 'part') then birth_date is distinct from 'different'
        or (name <> 'part' and birth_place is distinct from 'different' and sex is distinct from 'different')
      -- The licence belongs to this person, but a reviewer decides about the name.
      else birth_date = 'equal'
    end
    else case
      when birth_date = 'different' then false
      when name = 'equal' then
        (birth_date = 'equal' and not coalesce(birth_place = 'different' and sex = 'different', false))
        or (birth_place = 'equal' and birth_date is distinct from 'partly' and sex is distinct from 'different')
      when name = 'similar' then birth_date = 'equal' and birth_place in ('equal', 'near') and sex is distinct from 'different'
      when name = 'part' then
        birth_date = 'equal' and birth_place is distinct from 'different' and sex is distinct from 'different'
    end
  end, false);

-- Rule 3: a deactivation of a known licence belongs to the licence's holder. Without a NIK it needs the birth date, or the
-- name together with the birthplace or a near birth date.
create function sdmk.same_holder(nik text, name text, birth_date text, birth_place text, sex text) returns boolean
  language sql immutable parallel safe
  return coalesce(case
    when nik = 'different' then false
    when nik = 'equal' then not coalesce(name in ('near', 'different') and birth_date = 'different', false)
    when birth_date = 'different' then false
    when birth_date = 'equal' then
      not coalesce(name in ('near', 'different') and (birth_place = 'different' or sex = 'different'), false)
    when name in ('equal', 'similar', 'part') and sex is distinct from 'different' then
      birth_place = 'equal' or (birth_date = 'near' and birth_place is distinct from 'different')
  end, false);

-- Rule 6: a row with a known person's NIK, and an STR that nobody holds, belongs to that person.
create function sdmk.same_nik_holder(name text, birth_date text, birth_place text, sex text) returns boolean
  language sql immutable parallel safe
  return coalesce(case
    when birth_date = 'different' then false
    when sex = 'different' and birth_date is distinct from 'equal' then false
    when name = 'equal' then true
    when name = 'similar' then birth_date = 'equal' and birth_place in ('equal', 'near')
    when name = 'part' then birth_date = 'equal' or (birth_date is null and birth_place = 'equal')
  end, false);

-- Rule 8: two records that share neither STR nor NIK may be one person. If the NIKs differ, everything else must agree. If
-- one NIK is missing, values may be near, or missing on one side. A birth date that only one side has is 'missing'.
create function sdmk.looks_alike(nik text, name text, birth_date text, birth_place text, sex text) returns boolean
  language sql immutable parallel safe
  return coalesce(case
    when nik = 'equal' then false
    when nik = 'different' then name = 'equal' and birth_date = 'equal' and birth_place is distinct from 'different'
    when name = 'equal' then birth_date = 'equal'
      or (birth_place in ('equal', 'near') and birth_date in ('near', 'missing'))
    when name in ('similar', 'part') then birth_date = 'equal' and birth_place is distinct from 'different'
    when name = 'near' then birth_date = 'equal' and birth_place = 'equal' and sex is distinct from 'different'
  end, false);

-- Returns the pairs of people of the relations `known` and `newcomers` that are similar according to sdmk.looks_alike. Both
-- have nik_digest, name_key, birth_date, birth_place_key and sex; newcomers have a row_no and known people an id.
--
-- A pair is found by name and birth date, by name and birthplace, or by birth date and birthplace. If one of the two equal
-- values is missing, one of the two people must lack a NIK. Each of these parts is cut in two by the side that lacks it, so
-- that the few who lack one lead. The query is dynamic, because an SQL function takes no relation as an argument. So it is
-- planned with the statistics of both.
create function sdmk.lookalikes(newcomers regclass, known regclass) returns table (row_no bigint, id bigint)
  language plpgsql stable rows 100 as $$
declare
  has_both boolean;
begin
  -- Planning the query takes longer than running it on a small batch, and often one side is empty.
  execute format('select exists (select from %s) and exists (select from %s)', newcomers, known) into has_both;
  if not has_both then return; end if;
  return query execute format($pairs$
    select n.row_no, h.id
    from %1$s n
    join %2$s h on h.name_key = n.name_key and h.birth_date = n.birth_date
    where n.nik_digest is null or h.nik_digest is null
      or (h.nik_digest <> n.nik_digest and sdmk.place_agreement(h.birth_place_key, n.birth_place_key) is distinct from 'different')
    union
    select n.row_no, h.id
    from %1$s n
    join %2$s h on h.name_key = n.name_key and h.birth_place_key = n.birth_place_key
    where n.nik_digest is null
      and sdmk.looks_alike(null, 'equal', case
        when (h.birth_date is null) <> (n.birth_date is null) then 'missing' else sdmk.date_agreement(h.birth_date, n.birth_date)
      end, 'equal', null)
    union
    select n.row_no, h.id
    from %1$s n
    join %2$s h on h.name_key = n.name_key and h.birth_place_key = n.birth_place_key and h.nik_digest is null
    where n.nik_digest is not null
      and sdmk.looks_alike(null, 'equal', case
        when (h.birth_date is null) <> (n.birth_date is null) then 'missing' else sdmk.date_agreement(h.birth_date, n.birth_date)
      end, 'equal', null)
    union
    select n.row_no, h.id
    from %1$s n
    join %2$s h on h.birth_date = n.birth_date and h.birth_place_key = n.birth_place_key and h.name_key <> n.name_key
    where n.nik_digest is null
      and sdmk.looks_alike(null, sdmk.name_agreement(h.name_key, n.name_key), 'equal', 'equal', sdmk.agreement(h.sex, n.sex))
    union
    select n.row_no, h.id
    from %1$s n
    join %2$s h on h.birth_date = n.birth_date and h.birth_place_key = n.birth_place_key and h.name_key <> n.name_key
      and h.nik_digest is null
    where n.nik_digest is not null
      and sdmk.looks_alike(null, sdmk.name_agreement(h.name_key, n.name_key), 'equal', 'equal', sdmk.agreement(h.sex, n.sex))
  $pairs$, newcomers, known);
end
$$;

-- Returns what two records agree on (+), nearly agree on (~) and differ on (-), in a fixed order: '+nik ~name -birth_date'. It
-- leaves out a value that one of them lacks, and a sex that agrees. Stable, as concat_ws is, so that it can be inlined.
create function sdmk.match_evidence(
  nik_a bytea, name_a text, birth_date_a date, birth_place_a text, sex_a text,
  nik_b bytea, name_b text, birth_date_b date, birth_place_b text, sex_b text
) returns text
  language sql stable parallel safe
  return concat_ws(' ',
    case when nik_a = nik_b then '+nik' when nik_a <> nik_b then '-nik' end,
    case sdmk.name_agreement(name_a, name_b) when 'equal' then '+name' when 'different' then '-name' else
      case when name_a <> '' and name_b <> '' then '~name' end end,
    case sdmk.date_agreement(birth_date_a, birth_date_b) when 'equal' then '+birth_date' when 'near' then '~birth_date'
      when 'partly' then '-birth_date' when 'different' then '-birth_date' end,
    case sdmk.place_agreement(birth_place_a, birth_place_b) when 'equal' then '+birth_place' when 'near' then '~birth_place'
      when 'different' then '-birth_place' end,
    case when sex_a <> sex_b then '-sex' end
  );
