#!/usr/bin/env bash
# postgres.sh DIR: runs a PostgreSQL server that keeps everything in DIR, until it is killed; it may be started again there.
# It listens on a socket in DIR only: postgres://postgres@localhost/postgres?host=DIR. With SYNC=on it survives a crash of
# the machine, too. With TLS_PORT=N it also listens at 127.0.0.1:N, by TLS alone, with DIR/server.pem and DIR/server.key.
# PostgreSQL does not run as root: root runs it as the user that Debian's package made.
set -euo pipefail

dir="$1"
say() { printf 'postgres.sh: %s\n' "$*" >&2; exit 1; }
bin="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)"
[ -n "$bin" ] || bin="$(dirname "$(command -v initdb || true)")"
[ -x "$bin/initdb" ] || say "PostgreSQL's server is missing; run deploy/setup/setup.sh test"

as=()
if [ "$(id -u)" = 0 ]; then
  id postgres >/dev/null 2>&1 || say "the user postgres is missing; run deploy/setup/setup.sh test"
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups --pdeathsig KILL --)
  chown postgres "$dir"
fi
cd "$dir"
if [ ! -e "$dir/data/PG_VERSION" ]; then
  "${as[@]}" "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
fi
tls=(-c listen_addresses=)
if [ -n "${TLS_PORT:-}" ]; then
  # It uses no key that others may read.
  cp "$dir/server.pem" "$dir/server.key" "$dir/data/"
  chmod 600 "$dir/data/server.key"
  [ "$(id -u)" != 0 ] || chown postgres "$dir/data/server.pem" "$dir/data/server.key"
  printf 'local all all trust\nhostssl all all 127.0.0.1/32 trust\n' > "$dir/data/pg_hba.conf"
  tls=(-c listen_addresses=127.0.0.1 -c port="$TLS_PORT" -c ssl=on -c ssl_cert_file=server.pem -c ssl_key_file=server.key)
fi
exec "${as[@]}" "$bin/postgres" -D "$dir/data" "${tls[@]}" -c unix_socket_directories="$dir" \
  -c fsync="${SYNC:-off}" -c full_page_writes="${SYNC:-off}" -c max_connections=300 -c shared_buffers=64MB -c autovacuum=off
