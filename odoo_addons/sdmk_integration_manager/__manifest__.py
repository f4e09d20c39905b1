{
    "name": "SDMK Integration Manager",
    "summary": "Switch, schedule and connection of the integrations of SDMK",
    "version": "19.0.1.1.0",
    "category": "Human Resources",
    "author": "HealthForce",
    "website": "https://github.com/healthforce-org",
    "license": "LGPL-3",
    "depends": ["sdmk_core"],
    "data": [
        "security/ir.model.access.csv",
        "data/res_users_data.xml",
        "data/ir_cron_data.xml",
        "views/sdmk_integration_views.xml",
        "views/sdmk_audit_event_views.xml",
        "views/sdmk_audit_head_views.xml",
        "views/sdmk_integration_manager_menus.xml",
    ],
    "assets": {
        "web.assets_backend": ["sdmk_integration_manager/static/src/**/*"],
    },
}
