#!/usr/bin/env bash
# Writes deploy/.env with fresh passwords for compose.yml: deploy/new-env.sh safekeep.example.org. Refuses to overwrite one.
set -euo pipefail
cd "$(dirname "$0")"
[ $# -eq 1 ] || { echo "Say the address people will use: deploy/new-env.sh safekeep.example.org" >&2; exit 2; }
[ ! -e .env ] || { echo "deploy/.env exists; its passwords are in use. Move it away first." >&2; exit 1; }
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
umask 077
{
  echo "SITE=$1"
  echo "MAIL_FROM=safekeep@$1"
  echo "SMTP_URL="
  for name in POSTGRES BROKER; do echo "${name}_PASSWORD=$(secret)"; done
  for user in GATEWAY OPERATOR IDENTITY INCIDENTS ALERTS FILES REPORTS \
    RELAY_IDENTITY RELAY_INCIDENTS RELAY_ALERTS RELAY_FILES RELAY_REPORTS; do echo "BROKER_${user}_PASSWORD=$(secret)"; done
  echo "S3_KEY=safekeep"
  echo "S3_SECRET=$(secret)"
  for service in IDENTITY INCIDENTS ALERTS FILES REPORTS; do
    for kind in OWNER SERVICE WORKER; do echo "${service}_${kind}_PASSWORD=$(secret)"; done
  done
} > .env
echo "deploy/.env written. Fill in SMTP_URL (smtp://host:port, smtp+starttls:// or smtps://user:password@host:port), then see docs/operators.md."
