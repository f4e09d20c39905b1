# Role fetch (etl-kki-service): KKI's credentials and the present token pair, and the keys of identity numbers.
path "secret/data/sdmk/kki" { capabilities = ["read"] }
path "secret/data/sdmk/kki-token" { capabilities = ["create", "read", "update"] }
path "secret/data/sdmk/nik-keys" { capabilities = ["read"] }
