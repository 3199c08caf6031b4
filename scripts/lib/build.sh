# shellcheck shell=bash
# Builds of the CMake presets. Needs messages.sh.

# build_jobs: as many as there are cores, but one for each GiB that is free:
# a compiler that is killed for memory says nothing useful.
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 1048576)}' /proc/meminfo)
  [ "${memory:-1}" -ge 1 ] || memory=1
  printf '%s\n' $((cores < memory ? cores : memory))
}

# Copies ninja's output into a file, and says each quarter of the way. Not awk:
# Debian's reads a pipe in blocks, and says all of it at the end.
log_build() {
  local line quarter told=0
  while IFS= read -r line; do
    printf '%s\n' "$line"
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    quarter=$((4 * BASH_REMATCH[1] / BASH_REMATCH[2]))
    if [ "${BASH_REMATCH[2]}" -gt 20 ] && [ "$quarter" -gt "$told" ]; then
      told=$quarter
      say "${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} files built" >&3
    fi
  done 3>&1 >"$1"
}

# build_preset PRESET [TARGET...]: into build/PRESET; what it printed is in
# build/PRESET.log. Fails with the log's end on standard error.
build_preset() {
  local preset=$1 log="${root:?}/build/$1.log" jobs targets=()
  shift
  [ $# -eq 0 ] || targets=(--target "$@")
  jobs=$(build_jobs)
  mkdir -p "$root/build"
  (cd "$root" &&
    cmake --preset "$preset" &&
    cmake --build --preset "$preset" --parallel "$jobs" "${targets[@]}") 2>&1 | log_build "$log" ||
    {
      show_end "$log" 30
      return 1
    }
  # A build by root in somebody's checkout must not lock him out of it.
  if [ "$(id -u)" = 0 ] && [ "$(stat -c %u "$root")" != 0 ]; then
    chown -R --reference="$root" -- "$root/build"
  fi
}

# built_program PRESET: where that build leaves the program.
built_program() { printf '%s\n' "${root:?}/build/$1/cli/layergate"; }
