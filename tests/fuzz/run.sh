#!/usr/bin/env bash
# Fuzzes every target for FUZZ_SECONDS (60 where it is not set), or only those that are named as arguments, two at a
# time, and always in the same way where FUZZ_SEED is set. What it learns is kept under target/; what makes a target
# fail is left in target/fuzz-findings/ and ends it. FUZZ_CHECKS=robust looks for panics, hangs, memory and order
# alone; without it, every target also checks that what it wrote says the same when it is read again.
set -euo pipefail
cd "$(dirname "$0")"

FINDINGS=target/fuzz-findings

# one FUZZ NAME GOLDEN_FOLDERS: fuzzes a target.
one() {
  local fuzz="$1" name="$2" folder runs covered
  local log="target/fuzz-$name.log" learned="target/fuzz-corpus/$name" seeds=()
  mkdir -p "$learned"
  for folder in "seeds/$name" $3; do
    [ ! -d "$folder" ] || seeds+=("$folder")
  done
  if ! FUZZ_TARGET=$name "$fuzz" "$learned" "${seeds[@]}" ${FUZZ_SEED:+"-seed=$FUZZ_SEED"} \
    -max_total_time="${FUZZ_SECONDS:-60}" -timeout=60 -rss_limit_mb=1024 -max_len=65536 \
    -artifact_prefix="$FINDINGS/$name-" -print_final_stats=1 >"$log" 2>&1; then
    grep --text -v -E '^(==|stat::|#[0-9])' "$log" | tail -n 40
    echo "$name failed on $(grep --text -o "$FINDINGS/$name-[0-9a-z-]*" "$log" | tail -n 1 | sed 's|^|tests/fuzz/|'):" \
      "mend what it shows, and keep that file in tests/fuzz/seeds/$name"
    return 255 # xargs begins nothing new then
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  echo "$name: $runs runs, $covered edges covered, nothing found"
}

if [ "${1:-}" = --one ]; then
  shift
  one "$@"
  exit
fi

cargo build --release --locked --quiet
fuzz=$(find target/*/release -maxdepth 1 -name floopy-fuzz)
mkdir -p "$FINDINGS"
"$fuzz" | while read -r name golden; do
  if [ $# -eq 0 ] || [[ " $* " == *" $name "* ]]; then
    folders=""
    for folder in $golden; do folders+=" ../../protocols/tests/golden/$folder"; done
    printf '%s\0%s\0%s\0' "$fuzz" "$name" "$folders"
  fi
done | xargs -0 -n 3 -P 2 ./run.sh --one
