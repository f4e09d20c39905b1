# For the person who rotates the keys of identity numbers: sdmk keys rotate.
path "secret/data/sdmk/nik-keys" { capabilities = ["read", "update"] }
# Former versions hold former keys.
path "secret/destroy/sdmk/nik-keys" { capabilities = ["update"] }
