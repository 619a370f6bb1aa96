#!/usr/bin/env bash
# Run once by PostgreSQL's container on an empty volume: five databases, and for each an owner, a service and a worker role.
# The same as deploy/local/servers.py (make_roles, make_database); a test compares what the two allow.
set -euo pipefail

for service in identity incidents alerts files reports; do
  for kind in owner service worker; do
    variable="${service^^}_${kind^^}_PASSWORD"
    psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 --set role="${service}_${kind}" --set password="${!variable}" <<'SQL'
create role :"role" login nosuperuser nobypassrls nocreatedb nocreaterole password :'password';
SQL
  done
  psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 --set name="$service" --set owner="${service}_owner" <<'SQL'
create database :"name" owner :"owner";
SQL
  psql --username "$POSTGRES_USER" --dbname "$service" --set ON_ERROR_STOP=1 --set name="$service" \
    --set owner="${service}_owner" --set service="${service}_service" --set worker="${service}_worker" <<'SQL'
revoke all on database :"name" from public;
grant connect on database :"name" to :"owner", :"service", :"worker";
alter schema public owner to :"owner";
revoke all on schema public from public;
grant usage on schema public to :"owner", :"service", :"worker";
SQL
done
