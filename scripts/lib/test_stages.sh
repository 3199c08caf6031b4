# shellcheck shell=bash
# The stages of run_tests.sh. Needs messages.sh, packages.sh, build.sh and
# test_count.sh.

# nginx, docker and others start services when they are installed; tests start
# their own, on free ports. invoke-rc.d and systemd ask this file, status 101
# means no.
policy=/usr/sbin/policy-rc.d policy_made=0
before_install() {
  # Only where it is installed now: a machine that uses that service keeps it.
  case " $* " in *' docker-registry '*) mask_registry_service ;; esac
  [ ! -e "$policy" ] || return 0
  printf '#!/bin/sh\n# run_tests.sh is installing packages; it removes this file.\nexit 101\n' >"$policy"
  chmod 0755 "$policy"
  policy_made=1
}
allow_services() { [ "$policy_made" = 0 ] || rm -f "$policy"; }

# build PRESET: once; fails, and is counted as a failed test, if it cannot.
built=' '
build() {
  case $built in
  *" $1=yes "*) return 0 ;;
  *" $1=no "*) return 1 ;;
  esac
  begin "build: $1 (build/$1.log)"
  if build_preset "$1"; then
    built+="$1=yes "
  else
    built+="$1=no "
    count "build-$1" 0 1
    return 1
  fi
}

# ---- lint

# Tracked files that match, without those deleted in the work tree.
tracked() { git ls-files -z -- "$@" | xargs -0 -r -n 1 sh -c '[ ! -f "$1" ] || printf "%s\0" "$1"' sh; }

run_clang_format() { tracked '*.cpp' '*.h' | xargs -0 -r clang-format-14 --dry-run -Werror; }

# Scripts with a #! line; scripts/lib is checked through those that source it.
run_shellcheck() {
  tracked '*.sh' '.ci/run' 'bench/*' | xargs -0 -r grep -lZE '^#!.*\b(ba)?sh\b' | xargs -0 -r shellcheck -x
}

run_pyflakes() { tracked '*.py' | xargs -0 -r /usr/bin/python3 -m pyflakes; }

stage_style() {
  begin "style"
  check clang-format run_clang_format
  check shellcheck run_shellcheck
  check pyflakes run_pyflakes
}

stage_lint() {
  stage_style
  build ci || return 0
  begin "clang-tidy"
  check clang-tidy /usr/bin/python3 scripts/clang_tidy.py build/ci
}

# ---- unit

# ThreadSanitizer of GCC 12 does not start where the kernel randomises more bits
# of an address than it knows.
without_aslr=(setarch "$(uname -m)" --addr-no-randomize)

# run_unit NAME PRESET [PREFIX...]
run_unit() {
  local name=$1 preset=$2 status=0
  shift 2
  begin "$name: build/$preset/tests/unit/layergate_unit"
  timeout --kill-after=10 900 "$@" "build/$preset/tests/unit/layergate_unit" --no-colors \
    >"$reports/$name.log" 2>&1 || status=$?
  count_doctest "$name" "$status"
}

stage_unit() {
  build ci || return 0
  run_unit unit ci
}

# ---- fuzz

stage_fuzz() {
  local target name seconds=${FUZZ_SECONDS:-5}
  build fuzz || return 0
  begin "fuzz: $seconds s each"
  for target in build/fuzz/tests/fuzz/fuzz_*; do
    [ -f "$target" ] && [ -x "$target" ] || continue
    name=${target##*/fuzz_}
    check "fuzz-$name" run_fuzz "$target" "$name" "$seconds"
  done
}

# What a target finds new stays in build/fuzz-corpus; an input that breaks it is
# kept in build/reports.
run_fuzz() {
  local own=build/fuzz-corpus/$2 seeds=tests/fuzz/corpus/$2 dict=tests/fuzz/$2.dict
  mkdir -p "$own"
  local options=("-max_total_time=$3" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
    "-artifact_prefix=$reports/fuzz-$2-")
  [ ! -f "$dict" ] || options+=("-dict=$dict")
  [ ! -d "$seeds" ] || set -- "$@" "$seeds"
  UBSAN_OPTIONS=print_stacktrace=1 timeout --kill-after=10 $(($3 + 120)) \
    "$1" "${options[@]}" "$own" "${@:4}"
}

# ---- flow

# run_flow NAME PRESET [PREFIX...] -- PYTEST-OPTION...
run_flow() {
  local name=$1 preset=$2 prefix=() options=() status=0
  shift 2
  while [ "$1" != -- ]; do
    prefix+=("$1")
    shift
  done
  shift
  [ "$size" != all ] || options+=(--all)
  begin "$name: pytest tests/flow $*"
  LAYERGATE_BIN=$(built_program "$preset") timeout --kill-after=60 3000 \
    "${prefix[@]}" /usr/bin/python3 -m pytest tests/flow -q -p no:cacheprovider -n "${TEST_JOBS:-2}" \
    --dist loadfile --durations=10 "--junitxml=$reports/$name.xml" "${options[@]}" "$@" 2>&1 |
    tee "$reports/$name.log" || status=${PIPESTATUS[0]}
  count_junit "$name" "$status"
}

stage_flow() {
  build ci || return 0
  run_flow flow ci --
}

# The same once more with the registry's files read and written by the program itself.
stage_storage() {
  build ci || return 0
  LAYERGATE_STORAGE=write run_flow flow-storage ci -- -m 'not docker' --ignore=tests/flow/test_setup.py
}

# ---- python

stage_python() {
  local status=0
  build ci || return 0
  begin "python: pytest tests/python"
  LAYERGATE_BIN=$(built_program ci) LAYERGATE_MODULE_DIR=$root/build/ci/python LAYERGATE_PRESET=ci timeout --kill-after=60 1800 \
    /usr/bin/python3 -m pytest tests/python -q -p no:cacheprovider "--junitxml=$reports/python.xml" 2>&1 |
    tee "$reports/python.log" || status=${PIPESTATUS[0]}
  count_junit python "$status"
}

# ---- sanitizers

stage_asan() {
  build asan || return 0
  UBSAN_OPTIONS=print_stacktrace=1 run_unit unit-asan asan
  # What setup_registry.sh does is no matter of the program's memory.
  run_flow flow-asan asan -- -m 'not large' --ignore=tests/flow/test_setup.py
}

stage_tsan() {
  build tsan || return 0
  export TSAN_OPTIONS=second_deadlock_stack=1
  run_unit unit-tsan tsan "${without_aslr[@]}"
  run_flow flow-tsan tsan "${without_aslr[@]}" -- -m concurrent
  unset TSAN_OPTIONS
}
