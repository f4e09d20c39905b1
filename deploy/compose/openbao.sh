#!/bin/sh
# Runs OpenBao with its data in the volume /data: makes the store the first time, and opens it at each start. The key that opens
# it is in the same volume, so whoever has the volume has the secrets. A token with the text of the secret vault-root-token may do all.
set -eu
umask 077
data=${DATA:-/data}
ready=${READY:-/tmp/ready}
rm -f "$ready"

bao server -config="${CONFIG:-/etc/openbao.hcl}" &
server=$!
trap 'kill -TERM "$server" 2> /dev/null || true' TERM INT

# 0 means that there is a store, 2 that there is none, 1 that the server does not answer yet.
while state=0; bao operator init -status > /dev/null 2>&1 || state=$?; [ "$state" -eq 1 ]; do
  kill -0 "$server"
  sleep 1
done
if [ "$state" -eq 2 ]; then
  bao operator init -key-shares=1 -key-threshold=1 > "$data/init.draft"
  mv "$data/init.draft" "$data/init"
fi
part() { sed -n "s/^$1: //p" "$data/init"; }
bao operator unseal "$(part 'Unseal Key 1')" > /dev/null

BAO_TOKEN=$(part 'Initial Root Token')
export BAO_TOKEN
token=$(cat "${SECRETS_DIR:-/run/secrets}/vault-root-token")
bao token lookup "$token" > /dev/null 2>&1 || bao token create -id="$token" -policy=root -orphan > /dev/null
unset BAO_TOKEN token
touch "$ready"
wait "$server"
