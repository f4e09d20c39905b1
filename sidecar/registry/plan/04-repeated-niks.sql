create temp table repeated_nik on commit drop as
select nik_digest from work where nik_digest is not null group by nik_digest having count(*) > 1;
