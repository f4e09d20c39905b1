#!/bin/sh
# Creates a lost folder of secrets again, from the copy of `nik-keys.json`. Run it as the user of the service.
#
#   sh tools/restore/secrets.sh COPY_OF_NIK_KEYS NEW_FOLDER
set -eu
if [ $# -ne 2 ]; then
  sed -n 's/^# \{0,1\}//p' "$0" >&2
  exit 64
fi
[ -f "$1" ] || {
  echo "secrets: $1 is no file" >&2
  exit 1
}
[ ! -e "$2/nik-keys.json" ] || {
  echo "secrets: $2 has keys already" >&2
  exit 1
}
umask 077
mkdir -p "$2"
cp "$1" "$2/nik-keys.json"
echo "Write kki.json with the credentials that KKI gave, renew the key of the account in Odoo, and run 'sdmk doctor'."
