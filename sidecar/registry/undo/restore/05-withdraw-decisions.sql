-- reads: undo_person
-- writes: kki.decision
-- Withdraws the decisions that batch $1 carried out.
update kki.decision d
set withdrawn_at = coalesce(d.withdrawn_at, now()),
  health_worker_id = case
    when exists (select from undo_person u where u.id = d.health_worker_id and u.is_new and not u.is_needed) then null
    else d.health_worker_id
  end
where d.batch_id = $1;
