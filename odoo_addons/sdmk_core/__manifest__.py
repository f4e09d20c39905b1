{
    "name": "SDMK Core",
    "summary": "Health workers and their registrations, as SDMK knows them",
    "version": "19.0.1.2.0",
    "category": "Human Resources",
    "author": "HealthForce",
    "website": "https://github.com/healthforce-org",
    "license": "LGPL-3",
    "depends": ["bus", "web"],
    "external_dependencies": {"python": ["cryptography"]},
    "data": [
        "security/sdmk_core_groups.xml",
        "security/ir.model.access.csv",
        "views/sdmk_registration_views.xml",
        "views/sdmk_health_worker_edit_views.xml",
        "views/sdmk_health_worker_views.xml",
        "views/sdmk_bulk_read_views.xml",
        "views/sdmk_core_menus.xml",
    ],
    "assets": {
        "web.assets_backend": ["sdmk_core/static/src/**/*"],
    },
    "application": True,
}
