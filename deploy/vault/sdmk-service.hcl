# Roles registry, api and relay (sdmk-service): nothing of KKI's.
path "secret/data/sdmk/nik-keys" { capabilities = ["read"] }
path "secret/data/sdmk/odoo" { capabilities = ["create", "read", "update"] }
