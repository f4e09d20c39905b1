#!/bin/sh
# Makes images that stand in for the public ones of the Dockerfile and of docker-compose.odoo.yml, under their names, on a machine
# without a registry. They come from Debian's packages and this machine's Node, so they show whether our files fit together, not
# how the real images behave. Needs Debian 12, root, podman and debootstrap.
#
#   sh tools/compose/stand-ins.sh [node] [postgres]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
engine=${ENGINE:-podman}

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sort -u | head -n 1)
[ -n "$mirror" ] || {
  echo "apt knows no mirror of Debian; run 'apt-get update' first" >&2
  exit 1
}

# The name of an image as the file has it: its tag is its version there.
name_of() { grep -hoE "(FROM|image:)( +&[a-z-]+)? +$1:[^ ]+" "$root/Dockerfile" "$root/docker-compose.odoo.yml" | sort -u | head -n 1 | sed 's/.* //'; }

base() {
  [ -d "$work/base" ] || debootstrap --variant=minbase --include=ca-certificates bookworm "$work/base" "$mirror" > "$work/log"
  cp -a "$work/base" "$work/$1"
}
inside() {
  chroot "$work/$1" env DEBIAN_FRONTEND=noninteractive sh -euc "$2" > "$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    exit 1
  }
}
# Only unpacked: some packages cannot be set up without a running machine.
packages() {
  inside "$1" "apt-get update -qq && apt-get install -y -qq --no-install-recommends --download-only $2
    for deb in /var/cache/apt/archives/*.deb; do dpkg-deb --fsys-tarfile \$deb | tar -x -C / --keep-directory-symlink; done
    ldconfig && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb"
}
keep() {
  folder=$1 image=$2
  shift 2
  tar -C "$work/$folder" -c . | "$engine" import "$@" - "docker.io/$image" > /dev/null
  rm -rf "${work:?}/$folder"
  echo "$image"
}

node() {
  base node
  install -m 0755 "$root/node_modules/node/bin/node" "$work/node/usr/local/bin/node"
  mkdir -p "$work/node/usr/local/lib/node_modules"
  cp -a "$(dirname "$(dirname "$(readlink -f /usr/bin/npm)")")" "$work/node/usr/local/lib/node_modules/npm"
  inside node 'ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
    useradd --uid 1000 --user-group --create-home node'
  keep node "library/$(name_of node)" --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' --change 'CMD ["node"]'
}

postgres() {
  base postgres
  # The number of the user as in the real image, whose volumes have it.
  inside postgres 'groupadd --gid 999 postgres && useradd --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres'
  packages postgres 'postgresql-15'
  inside postgres 'rm -rf /var/lib/postgresql/15 /etc/postgresql/15
    install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data
    install -d -o postgres -g postgres -m 3777 /var/run/postgresql
    mkdir /docker-entrypoint-initdb.d'
  cat > "$work/postgres/usr/local/bin/docker-entrypoint.sh" <<'ENTRYPOINT'
#!/bin/bash
# The part of the real entrypoint that the compose file uses: a new cluster with a password, then the scripts of the folder.
set -euo pipefail
export POSTGRES_USER=${POSTGRES_USER:-postgres} POSTGRES_DB=${POSTGRES_DB:-postgres}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" ${POSTGRES_INITDB_ARGS:-}
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
  pg_ctl --wait start -o "-c listen_addresses=''"
  for script in /docker-entrypoint-initdb.d/*.sh; do
    if [ -x "$script" ]; then "$script"; else . "$script"; fi
  done
  pg_ctl --wait stop
fi
exec "$@"
ENTRYPOINT
  chmod 0755 "$work/postgres/usr/local/bin/docker-entrypoint.sh"
  keep postgres "library/$(name_of postgres)" --change 'ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin' \
    --change 'ENV PGDATA=/var/lib/postgresql/data' --change 'VOLUME /var/lib/postgresql/data' \
    --change 'ENTRYPOINT ["docker-entrypoint.sh"]' --change 'CMD ["postgres"]'
}

[ $# -gt 0 ] || set -- node postgres
for image; do "$image"; done
