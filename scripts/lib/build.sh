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
    cmake --build --preset "$preset" --parallel "$jobs" "${targets[@]}") >"$log" 2>&1 ||
    {
      show_end "$log" 30
      return 1
    }
  # A build by root in somebody's checkout must not lock him out of it.
  if [ "$(id -u)" = 0 ] && [ "$(stat -c %u "$root")" != 0 ]; then
    chown -R --reference="$root" -- "$root/build"
  fi
}
