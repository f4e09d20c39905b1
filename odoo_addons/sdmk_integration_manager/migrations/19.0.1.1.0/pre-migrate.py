def migrate(cr, version):
    """Drop a constraint, because an index replaces it."""
    if not version:
        return
    cr.execute("alter table sdmk_audit_head drop constraint if exists sdmk_audit_head_seq_hash_uniq")
