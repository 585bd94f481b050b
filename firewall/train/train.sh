#!/usr/bin/env bash
# Makes the firewall's model anew: `firewall/train/train.sh DATA [options of main.py]`, on one core, without a GPU.
# DATA is a .jsonl or .jsonl.gz of {text, label, source, kind, license}, or a folder of such files.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
[ $# -ge 1 ] || { echo "usage: $0 DATA [--out FOLDER] [--baseline] ..." >&2; exit 1; }
data="$1"
shift

venv="${FIREWALL_VENV:-$here/../../.local/venv-firewall}"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --no-deps --requirement "$here/requirements.txt"

# One thread and fixed seeds: the same program on the same machine makes the same file.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONHASHSEED=0 JAX_PLATFORMS=cpu
export XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
exec "$venv/bin/python" "$here/main.py" --data "$data" --out "$here/../model" "$@"
