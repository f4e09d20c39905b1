def migrate(cr, version):
    """Drop the constraint that an index takes the place of."""
    if not version:
        return
    cr.execute("alter table sdmk_audit_head drop constraint if exists sdmk_audit_head_seq_hash_uniq")
