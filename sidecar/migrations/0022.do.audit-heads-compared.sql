-- How many heads that Odoo has noted were not in the audit chain when the two were last compared.
alter table kki.audit_check add column odoo_differing bigint not null default 0;
