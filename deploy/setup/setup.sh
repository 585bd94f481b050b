#!/usr/bin/env bash
# Makes a fresh Debian machine ready: `setup.sh run`, `setup.sh test`, `setup.sh bench` or `setup.sh dist`.
# Everything it fetches goes to .local/ and is fetched once; what is already there costs nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

LOCAL="$PWD/.local"
STAMPS="$LOCAL/stamps"
RUST_MINIMUM=1.95
PYTHON_MINIMUM=3.10
NODE_MINIMUM=20.19
NEXTEST_VERSION=0.9.143
DENY_VERSION=0.20.2
CYCLONEDX_VERSION=0.5.9

main() {
  mkdir -p "$STAMPS" "$LOCAL/bin" "$LOCAL/lib"
  case "${1:-}" in
    run) need_toolchain; need_onnxruntime; need_dashboard ;;
    test) need_toolchain; need_fuzzer; need_onnxruntime; need_dashboard; need_browser; need_python_clients; need_rust_client; need_cargo_tools; need_cyclonedx; need_postgres; need_redis; need_clickhouse; need_qdrant; need_book; need_typescript_client; need_promtool ;;
    bench) need_toolchain; need_onnxruntime; need_nginx; need_clickhouse ;;
    dist) need_toolchain; need_onnxruntime; need_dashboard; need_cyclonedx ;;
    *) die "usage: setup.sh run|test|bench|dist" ;;
  esac
}

die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
say() { printf 'setup: %s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

# at_least HAVE WANT: whether a dotted version is new enough.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# once NAME KEY COMMAND...: runs COMMAND unless it already succeeded with the same KEY.
once() {
  local stamp="$STAMPS/$1" key="$2"
  shift 2
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ]; then return; fi
  "$@"
  printf '%s\n' "$key" > "$stamp"
}

need_toolchain() {
  has cargo && has rustc || die "Rust is missing; install it with rustup, see https://rustup.rs"
  local rust
  rust="$(rustc --version | awk '{print $2}')"
  at_least "$rust" "$RUST_MINIMUM" || die "Rust $rust is too old, $RUST_MINIMUM is needed; run: rustup update stable"
  has cc || debian_package build-essential "a C compiler"
  has python3 || debian_package python3 "Python 3"
  python3 -c "import sys; sys.exit(sys.version_info < (${PYTHON_MINIMUM/./, }))" \
    || die "$(python3 --version) is too old, $PYTHON_MINIMUM is needed; run: apt-get install python3"
  python3 -c 'import ensurepip, venv' 2>/dev/null || debian_package python3-venv "Python's venv with pip"
}

need_node() {
  has node && has npm || { debian_package nodejs "Node"; debian_package npm "npm"; }
  local node
  node="$(node --version | tr -d v)"
  at_least "$node" "$NODE_MINIMUM" \
    || die "Node $node is too old, $NODE_MINIMUM is needed to build the dashboard; see https://nodejs.org"
}

# Into the program: built before it, and anew once its sources or the API's documents changed.
need_dashboard() {
  need_node
  local at=controlplane/dashboard
  once dashboard "$(dashboard_digest)" build_dashboard "$at"
  [ -e "$at/dist/index.html" ] || { rm -f "$STAMPS/dashboard"; need_dashboard; }
}

dashboard_digest() {
  find controlplane/dashboard docs/openapi.json docs/openapi-operator.json \
    \( -name node_modules -o -name dist -o -name '*.d.ts' \) -prune -o -type f -print0 \
    | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1
}

build_dashboard() {
  say "building the dashboard (a minute or two)"
  (cd "$1" && npm ci --silent && npm run --silent build >"$LOCAL/dashboard.log" 2>&1 && npm run --silent test >>"$LOCAL/dashboard.log" 2>&1) \
    || { cat "$LOCAL/dashboard.log" >&2; die "the dashboard could not be built: is the npm registry reachable?"; }
}

# The browser that the dashboard is tried in, and what drives it.
need_browser() {
  has chromium || [ -x "${FLOOPY_CHROMIUM:-/usr/bin/chromium}" ] || debian_package chromium "Chromium"
  local at=tests/clients/dashboard
  once browser "$(digest "$at/package.json" "$at/package-lock.json")" install_packages "$at"
  [ -d "$at/node_modules" ] || { rm -f "$STAMPS/browser"; need_browser; }
}

install_packages() {
  say "installing the packages of $1"
  (cd "$1" && npm ci --silent) || die "the packages of $1 could not be installed: is the npm registry reachable?"
}

# libFuzzer comes in a crate as source, of C++; the coverage it needs is in stable Rust.
need_fuzzer() {
  has c++ || debian_package build-essential "a C++ compiler"
}

# debian_package PACKAGE WHAT: installs it as root, else says how.
debian_package() {
  has apt-get || die "$2 is missing; install your system's counterpart of Debian's package $1"
  [ "$(id -u)" = 0 ] || die "$2 is missing; run: sudo apt-get install -y $1"
  say "$2 is missing: installing Debian's package $1"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y --no-install-recommends "$1" >/dev/null 2>&1 \
    || { apt-get update >/dev/null && apt-get install -y --no-install-recommends "$1" >/dev/null; } \
    || die "installing $1 failed; run: apt-get install -y $1"
}

# The firewall's classifier loads ONNX Runtime as a shared library; the pinned wheel carries it.
need_onnxruntime() {
  local pins=deploy/setup/onnxruntime.txt
  once onnxruntime "$(digest "$pins" deploy/setup/extract_library.py)" fetch_onnxruntime "$pins"
  [ -e "$LOCAL/lib/libonnxruntime.so" ] || { rm -f "$STAMPS/onnxruntime"; need_onnxruntime; }
}

fetch_onnxruntime() {
  local pins="$1" wheel machine
  machine="$(uname -m)"
  case "$machine" in
    x86_64 | aarch64) ;;
    *) die "there is no pinned ONNX Runtime for $machine, only for x86_64 and aarch64" ;;
  esac
  say "fetching ONNX Runtime"
  need_venv
  rm -rf "$LOCAL/wheels"
  # One fixed wheel whatever the local Python is: only the shared library in it is used.
  "$LOCAL/venv/bin/pip" download --quiet --no-deps --require-hashes --requirement "$pins" --only-binary=:all: \
    --python-version 3.11 --implementation cp --abi cp311 \
    --platform "manylinux_2_28_$machine" --platform "manylinux_2_27_$machine" --dest "$LOCAL/wheels" \
    || die "ONNX Runtime could not be fetched: is the Python package registry reachable?"
  wheel="$(echo "$LOCAL"/wheels/onnxruntime-*.whl)"
  python3 deploy/setup/extract_library.py "$wheel" "$LOCAL/lib/libonnxruntime.so"
  rm -rf "$LOCAL/wheels"
}

need_venv() {
  # A venv names its Python by path, so one made by another Python is made anew.
  once venv "$(python3 -c 'import sys; print(sys.executable, sys.version)' | tr '\n' ' ')" \
    python3 -m venv --clear "$LOCAL/venv"
}

# The real client packages that the tests drive.
need_python_clients() {
  need_venv
  local pins=tests/requirements.txt
  once python-clients "$(digest "$pins" "$STAMPS/venv")" install_python_clients "$pins"
}

install_python_clients() {
  say "installing the Python clients that the tests drive"
  "$LOCAL/venv/bin/pip" install --quiet --no-deps --requirement "$1" \
    || die "the packages of $1 could not be installed: is the Python package registry reachable?"
}

# Apart from the workspace: what it depends on must not get into the program that is tested.
need_rust_client() {
  local at=tests/clients/rust
  once rust-client "$(digest "$at"/Cargo.* "$at"/src/*.rs "$at"/src/bin/*)" build_rust_client "$at"
  [ -x "$LOCAL/bin/floopy-rust-quickstart" ] || { rm -f "$STAMPS/rust-client"; need_rust_client; }
}

build_rust_client() {
  say "building the Rust client that the tests drive (two minutes)"
  cargo install --quiet --locked --debug --force --root "$LOCAL" --target-dir "$LOCAL/tools-target" --path "$1" \
    || die "the Rust client could not be built: is the crate registry reachable?"
}

need_cargo_tools() {
  cargo_tool cargo-nextest "$NEXTEST_VERSION"
  cargo_tool cargo-deny "$DENY_VERSION"
}

# Writes down what a release is made of.
need_cyclonedx() { cargo_tool cargo-cyclonedx "$CYCLONEDX_VERSION"; }

# The server only: no cluster of Debian's own is made, and none is started.
need_postgres() {
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || has initdb || install_postgres
}

# ClickHouse's engine in a wheel; tests/clickhouse.py gives it its HTTP interface.
need_clickhouse() {
  need_venv
  local pins=tests/requirements-clickhouse.txt
  once clickhouse "$(digest "$pins" "$STAMPS/venv")" install_clickhouse "$pins"
}

install_clickhouse() {
  say "installing ClickHouse's engine that the tests run on"
  "$LOCAL/venv/bin/pip" install --quiet --no-deps --requirement "$1" \
    || die "the package of $1 could not be installed: is the Python package registry reachable?"
}

# Qdrant's engine in a wheel; tests/qdrant.py gives it its REST API.
need_qdrant() {
  need_venv
  local pins=tests/requirements-qdrant.txt
  once qdrant "$(digest "$pins" "$STAMPS/venv")" install_qdrant "$pins"
}

install_qdrant() {
  say "installing Qdrant's engine that the tests run on"
  "$LOCAL/venv/bin/python" -m pip install --quiet --no-deps --requirement "$1" \
    || die "the package of $1 could not be installed: is the Python package registry reachable?"
}

# What makes the book of docs/.
need_book() {
  need_venv
  local pins=tests/requirements-book.txt
  once book "$(digest "$pins" "$STAMPS/venv")" install_book "$pins"
}

install_book() {
  say "installing what makes the book"
  "$LOCAL/venv/bin/python" -m pip install --quiet --no-deps --requirement "$1" \
    || die "the packages of $1 could not be installed: is the Python package registry reachable?"
}

# OpenAI's package for TypeScript, and its compiler, which the quickstart is tried with.
need_typescript_client() {
  need_node
  local at=tests/clients/typescript
  once typescript-client "$(digest "$at/package.json" "$at/package-lock.json")" install_packages "$at"
  [ -d "$at/node_modules" ] || { rm -f "$STAMPS/typescript-client"; need_typescript_client; }
}

# Prometheus' own checker of alerts. Out of Debian's package, which is not installed: no service is started.
need_promtool() {
  [ -x "$LOCAL/bin/promtool" ] || has promtool || fetch_promtool
}

fetch_promtool() {
  has apt-get && has dpkg-deb || die "promtool is missing; install your system's counterpart of Debian's package prometheus"
  say "fetching promtool"
  local at="$LOCAL/prometheus"
  rm -rf "$at" && mkdir -p "$at"
  (cd "$at" && { apt-get download prometheus || { apt-get update && apt-get download prometheus; }; }) >/dev/null 2>&1 \
    || die "Debian's package prometheus could not be fetched; run: apt-get update"
  dpkg-deb --fsys-tarfile "$at"/prometheus_*.deb | tar -x -C "$at" ./usr/bin/promtool
  mv "$at/usr/bin/promtool" "$LOCAL/bin/promtool"
  rm -rf "$at"
}

install_postgres() {
  if [ "$(id -u)" = 0 ] && has apt-get; then
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] \
      || echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  fi
  debian_package postgresql "PostgreSQL's server"
}

# The server only: Debian would start one.
need_redis() {
  has redis-server || install_redis
}

install_redis() {
  local policy=/usr/sbin/policy-rc.d
  if [ "$(id -u)" = 0 ] && has apt-get && [ ! -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    debian_package redis-server "Redis"
    rm -f "$policy"
    trap - EXIT
  else
    debian_package redis-server "Redis"
  fi
}

# Takes an installed one that is new enough. Else builds it without optimisation: these tools wait for
# other programs, and a full build takes three times as long.
cargo_tool() {
  local have
  for have in "$LOCAL/bin/$1" "$(command -v "$1" || true)"; do
    [ -x "$have" ] && at_least "$("$have" "${1#cargo-}" --version | awk 'NR == 1 {print $2}')" "$2" && return
  done
  say "building $1 $2 (about a minute)"
  cargo install --quiet --locked --debug --root "$LOCAL" --target-dir "$LOCAL/tools-target" "$1@$2" \
    || die "building $1 failed; run: cargo install --locked $1@$2"
  rm -rf "$LOCAL/tools-target"
}

# nginx is the floor that the proxy is measured against. Unpacked, not installed: no service is started.
need_nginx() {
  has nginx || [ -x /usr/sbin/nginx ] || [ -x "$LOCAL/nginx/usr/sbin/nginx" ] || fetch_nginx
}

fetch_nginx() {
  has apt-get && has dpkg-deb || { say "no nginx: the benchmark goes without its floor"; return; }
  say "fetching nginx"
  rm -rf "$LOCAL/nginx" && mkdir -p "$LOCAL/nginx"
  if [ "$(id -u)" = 0 ]; then apt-get update >/dev/null || true; fi
  (cd "$LOCAL/nginx" && apt-get download nginx >/dev/null 2>&1 && dpkg-deb --extract nginx_*.deb .) \
    || say "nginx could not be fetched: the benchmark goes without its floor"
}

digest() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

main "$@"
