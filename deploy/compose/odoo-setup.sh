#!/bin/bash
# Brings Odoo's database up to the addons of this version, and connects it with the sidecar. Safe to repeat.
set -euo pipefail
database=odoo
addons=sdmk_core,sdmk_integration_manager,sdmk_integration_kki
stamp=/var/lib/odoo/sdmk-addons.sha256

odoo() { /entrypoint.sh odoo "$1" --database="$database" --no-http "${@:2}"; }

present=$(cd /mnt/extra-addons && find . -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum | sha256sum)
update=()
if [ "$(cat "$stamp" 2> /dev/null)" != "$present" ]; then update=(--update="$addons" --i18n-overwrite); fi
odoo server --init="$addons" "${update[@]}" --load-language=en_US,id_ID --stop-after-init

# Odoo's shell takes its program from standard input; each script finds its values in "given".
{
  cat << 'PYTHON'
from pathlib import Path

def secret(name):
    return Path("/run/secrets", name).read_text().strip()

given = [{
    "login": "admin", "group": "sdmk_core.group_sdmk_admin", "name": "Administrator", "lang": "en_US",
    "password": secret("odoo-admin-password"),
}]
PYTHON
  cat /opt/sdmk/accounts.py
  echo 'given = {"url": "http://sdmk-service:8080", "key": secret("odoo-api-key")}'
  cat /opt/sdmk/connect.py
} | odoo shell
# Written last, so that an interrupted setup begins again.
echo "$present" > "$stamp"
