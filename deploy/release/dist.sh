#!/usr/bin/env bash
# Makes a release in dist/: an archive of the programs with what they are made of (CycloneDX), and its checksum.
# The same commit and the same compiler give the same bytes, wherever the checkout lies. The archive is laid out as
# /usr is: `tar -xzf floopy-*.tar.gz -C /usr --strip-components=1` installs it.
# DIST_PROGRAMS names a folder with programs that were built already, DIST_OUT another folder than dist/.
set -euo pipefail
cd "$(dirname "$0")/../.."

ROOT="$PWD"
export PATH="$ROOT/.local/bin:$PATH"
OUT="${DIST_OUT:-$ROOT/dist}"
PROGRAMS=(floopy floopy-dataplane floopy-controlplane floopy-judge-worker)
CARGO_FOLDER="${CARGO_HOME:-$HOME/.cargo}"
RUST_FOLDER="$(rustc --print sysroot)"

main() {
  local version target name release
  version="$(cargo metadata --no-deps --locked --format-version 1 \
    | python3 -c 'import json, sys; print(next(p["version"] for p in json.load(sys.stdin)["packages"] if p["name"] == "floopy"))')"
  target="$(rustc -vV | awk '/^host:/ {print $2}')"
  name="floopy-$version-$target"
  release="$OUT/$name"
  SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
  export SOURCE_DATE_EPOCH
  rm -rf "${release:?}"
  mkdir -p "$release"/{bin,lib/systemd/system,share/man/man1,share/doc/floopy/sbom}
  programs "$release/bin"
  bill_of_materials "$release/share/doc/floopy/sbom" "$target"
  cp README.md CHANGELOG.md LICENSE SECURITY.md "$release/share/doc/floopy/"
  cp .local/lib/libonnxruntime.* "$release/lib/"
  cp deploy/systemd/*.service "$release/lib/systemd/system/"
  "$release/bin/floopy" man "$release/share/man/man1" >/dev/null
  pack "$name"
  printf 'dist: %s\n' "$OUT/$name.tar.gz"
}

# No path and no time of this machine gets into the programs.
programs() {
  local program packages=() from="${DIST_PROGRAMS:-$ROOT/target/dist}"
  for program in "${PROGRAMS[@]}"; do packages+=(--package "$program"); done
  if [ -z "${DIST_PROGRAMS:-}" ]; then
    RUSTFLAGS="--remap-path-prefix=$ROOT=/floopy --remap-path-prefix=$CARGO_FOLDER=/cargo --remap-path-prefix=$RUST_FOLDER=/rust" \
      CARGO_INCREMENTAL=0 cargo build --profile dist --locked --bins --quiet "${packages[@]}"
  fi
  for program in "${PROGRAMS[@]}"; do
    install -m 0755 "$from/$program" "$1/$program"
    # The build id is a hash of the debugging information as well, which has paths of what was compiled from C.
    strip --strip-debug --remove-section=.note.gnu.build-id "$1/$program"
    of_the_system_only "$1/$program"
  done
}

# Everything is linked in but the C library and the unwinder of GCC, which every distribution has: the firewall opens
# ONNX Runtime as it starts, which a program without the C library of the system could not.
of_the_system_only() {
  local strange
  strange="$(objdump -p "$1" | awk '$1 == "NEEDED" {print $2}' \
    | grep -vE '^(libc|libm|libgcc_s|libdl|libpthread|librt|ld-linux[a-z0-9-]*)\.so' || true)"
  [ -z "$strange" ] || { printf 'dist: %s needs %s, which not every system has\n' "$1" "$strange" >&2; exit 1; }
}

# What is compiled in: of the crates by name and version, and of the dashboard's packages. The tool writes beside the
# manifests it reads, so it reads copies.
bill_of_materials() {
  local folder program copy
  copy="$(mktemp -d)"
  git ls-files -z | xargs -0 cp --parents --target-directory="$copy"
  (cd "$copy" && cargo cyclonedx --quiet --format json --target "$2" --override-filename floopy-sbom)
  for program in "${PROGRAMS[@]}"; do
    folder="${program#floopy-}"
    [ "$program" != floopy ] || folder=deploy/standalone
    undated "$copy" < "$copy/$folder/floopy-sbom.json" > "$1/$program.cdx.json"
  done
  rm -rf "$copy"
  (cd controlplane/dashboard && npm sbom --omit dev --sbom-format cyclonedx --loglevel error) \
    | undated "$ROOT" > "$1/dashboard.cdx.json"
}

# Without when, where and under which number it was written, which is not what is in it: undated FOLDER.
undated() {
  python3 -c '
import json, sys
told = json.loads(sys.stdin.read().replace(sys.argv[1], "/floopy"))
told.pop("serialNumber", None)
told["metadata"].pop("timestamp", None)
json.dump(told, sys.stdout, indent=2, sort_keys=True)' "$1"
}

pack() {
  cd "$OUT"
  tar --create --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw \
    "$1" | gzip --no-name > "$1.tar.gz"
  sha256sum "$1.tar.gz" > SHA256SUMS
}

main
