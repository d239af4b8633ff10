# Where the scripts keep what they fetch and build. Sourced, not run.
# shellcheck shell=bash

FOREBAY_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
FOREBAY_CACHE="${FOREBAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/forebay}"
export FOREBAY_ROOT FOREBAY_CACHE
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$FOREBAY_CACHE/target}"
mkdir -p "$FOREBAY_CACHE"

step() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*" >&2; }

# A wrong part is worse than a missing one: say what failed and where its output is, then stop.
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  for line in "$@"; do printf '  hint: %s\n' "$line" >&2; done
  exit 1
}

# Of two that rename to the same place at once the second fails, where mv would put it inside the first.
rename_directory() {
  python3 -c 'import os, sys; os.rename(sys.argv[1], sys.argv[2])' "$1" "$2" 2>/dev/null
}
