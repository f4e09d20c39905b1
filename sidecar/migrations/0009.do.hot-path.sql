-- Statistics of few rows do: the planner must only tell none from many, and ten times as many take ten times as long.
alter function kki.renew_statistics(regclass[]) set default_statistics_target = 10;
-- What is sealed cannot be compressed; to try costs as much as to store it.
alter table kki.staged_page alter column body_sealed set storage external;
alter table kki.staged_rejection alter column raw_sealed set storage external;
alter table kki.rejection_occurrence alter column raw_sealed set storage external;
