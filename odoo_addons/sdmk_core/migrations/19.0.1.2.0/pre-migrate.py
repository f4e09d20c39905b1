def migrate(cr, version):
    """Keep of each mask whether there is a NIK, and drop the two digits that it showed."""
    if not version:
        return
    cr.execute("alter table sdmk_health_worker add column if not exists has_nik boolean")
    cr.execute("update sdmk_health_worker set has_nik = nik_masked is not null where active")
    cr.execute("alter table sdmk_health_worker drop column nik_masked")
