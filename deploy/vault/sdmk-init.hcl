# For the person who makes the keys of identity numbers: sdmk keys init.
path "secret/data/sdmk/nik-keys" { capabilities = ["create", "read"] }
