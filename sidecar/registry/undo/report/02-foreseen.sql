-- reads: kki.rejection, undo_person, undo_registration
-- writes: nothing
-- What an undo of batch $1 would do, by the rules of the steps under restore.
select
  (select count(*) from undo_registration where is_new and not is_touched) as "registrationsDeleted",
  (select count(*) from undo_registration where not is_new and restored <> '{}') as "registrationsRestored",
  (select count(*) from undo_person where is_new and not is_needed) as "peopleDeleted",
  (select count(*) from undo_person where not is_new and restored <> '{}') as "peopleRestored",
  (
    select count(*) from kki.rejection d
    where d.closed_by_batch_id = $1 and d.state in ('cleared', 'resolved')
      and not exists (
        select from kki.rejection o
        where o.state = 'open' and o.source = d.source and o.subject = d.subject and o.code = d.code
      )
  ) as "rejectionsReopened";
