# shellcheck shell=bash
# The few values of layergate.yml that setup_registry.sh has to know or change.
# Reads the form that it writes itself and that an editor leaves alone: block
# style, one key a line. `layergate check` is what judges the file as a whole.

# yml_line FILE listen|admin|upstream: prints "LINE VALUE" of the section's first
# address or url; fails if there is none.
yml_line() {
  awk -v section="$2" '
    /^[^ #-]/ { inside = ($0 ~ "^" section ":") }
    inside && match($0, /^[ -]+(address|url):[ ]*/) {
      value = substr($0, RLENGTH + 1)
      sub(/[ ]+#.*$/, "", value); gsub(/^["\047]|["\047]$/, "", value); sub(/[ ]+$/, "", value)
      print NR, value; found = 1; exit
    }
    END { exit !found }' "$1"
}

yml_get() {
  local found
  found=$(yml_line "$1" "$2") || return 1
  printf '%s\n' "${found#* }"
}

# yml_drop_storage FILE ROOT: takes away what is said of the registry's files, if they are ROOT;
# fails if they are not.
yml_drop_storage() {
  grep -qxF -- "  storage: $2" "$1" || return 1
  sed -i -E '/^  storage(_mode|_verify)?:/d' "$1"
}

# yml_set FILE SECTION VALUE: changes that one value in place, nothing else.
yml_set() {
  local found line
  found=$(yml_line "$1" "$2") || return 1
  line=${found%% *}
  # VALUE holds nothing that sed would read: the caller has checked it.
  sed -i -E "${line}s#(address|url):[ ]*[^ ]+#\\1: $3#" "$1"
}
