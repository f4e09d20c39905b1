{
    "name": "SDMK Bench",
    "summary": "Lets an administrator write the mirrored models, as the ways to compare with do",
    "version": "19.0.1.0.0",
    "category": "Hidden",
    "author": "HealthForce",
    "website": "https://github.com/healthforce-org",
    "license": "LGPL-3",
    "depends": ["sdmk_core"],
    "data": ["security/ir.model.access.csv"],
}
