#!/bin/sh
# Prepares a data folder that PostgreSQL restores to a moment when it starts. Run it as the user of PostgreSQL.
#
#   sh tools/restore/point-in-time.sh BASE_BACKUP WAL_ARCHIVE NEW_DATA_FOLDER '2026-11-30 08:15:00+07'
set -eu
if [ $# -ne 4 ]; then
  sed -n 's/^# \{0,1\}//p' "$0" >&2
  exit 64
fi
base=$1 archive=$2 data=$3 moment=$4
fail() {
  echo "point-in-time: $1" >&2
  exit 1
}
[ -f "$base/PG_VERSION" ] || fail "$base is no base backup in plain format"
[ -d "$archive" ] || fail "$archive is no folder"
[ ! -e "$data" ] || fail "$data exists already; give a new folder"
case "$archive$moment" in *[\'\"\\]*) fail "quotes and backslashes are not possible here" ;; esac

cp -a "$base" "$data"
chmod 0700 "$data"
cat >>"$data/postgresql.auto.conf" <<SETTINGS
restore_command = 'cp "$archive/%f" "%p"'
recovery_target_time = '$moment'
recovery_target_action = 'promote'
SETTINGS
touch "$data/recovery.signal"
echo "Start PostgreSQL on $data, and wait until 'select pg_is_in_recovery()' is false. Then run 'sdmk doctor'."
