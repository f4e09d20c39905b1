#!/bin/sh
# Run once by the image of PostgreSQL, when it makes a new cluster: a role that owns one database, both named
# $DATABASE_ROLE, and may do nothing else; and where there is a $SERVICE_ROLE, a role that may connect to it.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv role DATABASE_ROLE
\set password `cat "$DATABASE_PASSWORD_FILE"`
create role :"role" login password :'password';
create database :"role" owner :"role";
revoke connect, temporary on database :"role" from public;
SQL
[ -n "${SERVICE_ROLE:-}" ] || exit 0
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv owner DATABASE_ROLE
\getenv role SERVICE_ROLE
\set password `cat "$SERVICE_PASSWORD_FILE"`
create role :"role" login password :'password';
grant connect, temporary on database :"owner" to :"role";
SQL
