# shellcheck shell=bash
# What the scripts say: progress on standard output, trouble on standard error.
# $program is the name in front of trouble; the sourcing script sets it.

step() { printf '== %s\n' "$*"; }
say() { printf '   %s\n' "$*"; }
warn() { printf '%s: warning: %s\n' "${program:?}" "$*" >&2; }

# die REASON [CURE...]: ends the script with status 1.
die() {
  printf '\n%s: %s\n' "${program:?}" "$1" >&2
  shift
  local line
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}

# show_end FILE [LINES]: the end of a log, indented, for a failure's reason.
show_end() {
  if [ -s "$1" ]; then
    printf '\nThe end of %s:\n' "$1" >&2
    tail -n "${2:-15}" "$1" | cut -c 1-400 | sed 's/^/  | /' >&2
  else
    printf '\n%s is empty.\n' "$1" >&2
  fi
}
