-- How many rows KKI counted without a filter when a full run had fetched all professions: it is asked once.
alter table kki.run add column counted bigint;
