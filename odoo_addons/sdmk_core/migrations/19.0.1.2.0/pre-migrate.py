def migrate(cr, version):
    """Replace the masked NIK, which showed two digits, with a boolean: whether the person has a NIK."""
    if not version:
        return
    cr.execute("alter table sdmk_health_worker add column if not exists has_nik boolean")
    cr.execute("update sdmk_health_worker set has_nik = nik_masked is not null where active")
    cr.execute("alter table sdmk_health_worker drop column nik_masked")
