#!/bin/sh
# Makes the secrets of docker-compose.odoo.yml, each a file, where there is none yet: in .data/compose-secrets, or in the folder
# that is named. Keep a copy of nik-keys.json apart from the backups of the database: without it no NIK can be read.
set -eu
directory=${1:-"$(dirname "$0")/../../.data/compose-secrets"}
mkdir -p "$directory"
cd "$directory"
# Each image reads its files as its own user, and a file keeps its owner and mode in a container. So everybody may read
# the files, and nobody but their owner may enter the folder.
chmod 0700 .
umask 022

# A secret is first written under another name, so that an interrupted one is created again.
keep() {
  [ -e "$1" ] && return
  cat > "$1.draft"
  mv "$1.draft" "$1"
}
# 256 random bits, as base64 that may stand in a URL.
random() { head -c 32 /dev/urandom | base64 | tr -d '=\n' | tr '+/' '-_'; }
key() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }

for name in sdmk-db-superuser-password sdmk-db-password sdmk-service-db-password odoo-db-superuser-password odoo-db-password odoo-admin-password \
  vault-root-token vault-secret-id-fetch vault-secret-id-service grafana-admin-password; do
  random | keep "$name"
done
printf 'sdmk_%s' "$(random)" | keep odoo-api-key
printf '{ "digestKey": "%s", "sealKeyId": "1", "sealKey1": "%s", "auditKeyId": "1", "auditKey1": "%s" }\n' "$(key)" "$(key)" "$(key)" |
  keep nik-keys.json
# Those of the simulator; put KKI's own here.
printf '{ "clientId": "sdmk", "clientSecret": "simulator-secret" }\n' | keep kki.json
# Nobody listens there: put the address of your Slack webhook here.
printf 'http://127.0.0.1:9/' | keep slack-webhook-url
echo "The secrets are in $(pwd)."
