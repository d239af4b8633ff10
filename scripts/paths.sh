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

# A number that stands for what is read.
stamp() { cksum | cut -d' ' -f1; }

# Exactly the versions named, with nothing they would draw in, into a directory of their own.
install_python() { # directory, what to install
  local directory="$1"
  shift
  python3 -m pip install --quiet --no-deps --disable-pip-version-check --root-user-action=ignore --target "$directory" "$@"
}

# Runs `fetch DIRECTORY` unless the cache has the part; the directory goes into place only when it is complete.
part() { # name, what is done, fetch; $home is where parts live
  local target="${home:?}/$1" log="$home/$1.log"
  [[ -f "$target/complete" ]] && return
  step "$2"
  staging="$(mktemp -d "$home/.fetch.XXXXXX")"
  trap 'rm -rf "$staging"' EXIT
  "$3" "$staging" >"$log" 2>&1 || die "$1 could not be fetched" "its output is in $log" "run scripts/doctor: it says what is missing"
  touch "$staging/complete"
  rename_directory "$staging" "$target" || [[ -f "$target/complete" ]] ||
    die "could not put $1 into $target" "if the directory exists, remove it and try again"
  rm -rf "$staging"
  trap - EXIT
}
