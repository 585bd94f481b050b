#!/usr/bin/env bash
# Fuzzes every target for FUZZ_SECONDS (60 where it is not set), or only those that are named as arguments. What it
# learns is kept under target/, what makes a target fail is left in target/fuzz-findings/ and ends the run.
set -euo pipefail
cd "$(dirname "$0")"
cargo build --release --quiet
fuzz=$(find target/*/release -maxdepth 1 -name floopy-fuzz)
findings=target/fuzz-findings/
mkdir -p "$findings"
# shellcheck disable=SC2046 # names are words
[ $# -gt 0 ] || set -- $("$fuzz")
for name; do
  learned=target/fuzz-corpus/$name
  mkdir -p "$learned"
  seeds=()
  for folder in "seeds/$name" "../../protocols/tests/golden/$name"; do
    [ ! -d "$folder" ] || seeds+=("$folder")
  done
  log=target/fuzz-$name.log
  if ! FUZZ_TARGET=$name "$fuzz" "$learned" "${seeds[@]}" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=60 \
    -rss_limit_mb=1024 -max_len=65536 -artifact_prefix="$findings$name-" -print_final_stats=1 >"$log" 2>&1; then
    tail -40 "$log"
    echo "$name failed: its input is in tests/fuzz/$findings; mend it, and keep it in tests/fuzz/seeds/$name"
    exit 1
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
  echo "$name: $runs runs, $covered edges covered, nothing found"
done
