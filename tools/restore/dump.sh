#!/bin/sh
# Restores a dump of `pg_dump --format=custom` into a new database. The server and the login, which becomes the owner, are
# those of PGHOST, PGPORT, PGUSER and PGPASSWORD; the login of the service must exist.
#
#   sh tools/restore/dump.sh DUMP NEW_DATABASE
set -eu
if [ $# -ne 2 ]; then
  sed -n 's/^# \{0,1\}//p' "$0" >&2
  exit 64
fi
# Fails if the database exists, so nothing is overwritten.
createdb "$2"
pg_restore --exit-on-error --no-owner --dbname="$2" "$1"
echo "Run 'sdmk migrate --grant-to' on the database $2, and then 'sdmk doctor'."
