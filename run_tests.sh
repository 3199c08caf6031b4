#!/usr/bin/env bash
# Every check of this repository: ./run_tests.sh --help
set -euo pipefail
usage() {
  cat <<'EOF'
usage: ./run_tests.sh [--all | --quick] [STAGE...]

Installs what is missing (Debian 12, as root), builds and tests. Ends with the
line "N passed, N failed" over everything; exit status 1 if anything failed.

  style   clang-format, shellcheck, pyflakes; each counts as one
  lint    style and clang-tidy
  unit    the doctest program                                     (preset ci)
  fuzz    each fuzz target for $FUZZ_SECONDS (5) seconds on its corpus  (fuzz)
  flow    pytest tests/flow: the program, a registry, real clients        (ci)
  storage the flow tests with upstream.storage, read and written         (ci)
  python  pytest tests/python: the Python module                           (ci)
  asan    unit and flow under AddressSanitizer and UBSan                (asan)
  tsan    unit tests that start threads, and flow tests marked `concurrent`,
          under ThreadSanitizer                                        (tsan)

Without STAGE: all from lint on; with --quick without storage, asan and tsan. --all is
all of them too, and gives the large transfers their full size, as CI=true does.
What each stage printed is in build/reports/.

TEST_JOBS      flow tests at a time (2)
FUZZ_SECONDS   as above
EOF
}

program=run_tests.sh
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"
# shellcheck source=scripts/lib/messages.sh
. "$root/scripts/lib/messages.sh"
# shellcheck source=scripts/lib/packages.sh
. "$root/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/build.sh
. "$root/scripts/lib/build.sh"
# shellcheck source=scripts/lib/test_count.sh
. "$root/scripts/lib/test_count.sh"
# shellcheck source=scripts/lib/test_stages.sh
. "$root/scripts/lib/test_stages.sh"

size=normal stages=()
while [ $# -gt 0 ]; do
  case $1 in
  --all) size=all ;;
  --quick) size=quick ;;
  style | lint | unit | fuzz | flow | storage | python | asan | tsan) stages+=("$1") ;;
  -h | --help)
    usage
    exit 0
    ;;
  *)
    printf '%s: unknown argument: %s\n\n' "$program" "$1" >&2
    usage >&2
    exit 2
    ;;
  esac
  shift
done
[ "${CI:-}" != true ] || size=all
if [ ${#stages[@]} -eq 0 ]; then
  stages=(lint unit fuzz flow python)
  [ "$size" = quick ] || stages+=(storage asan tsan)
fi

reports=$root/build/reports
rm -rf "$reports"
mkdir -p "$reports"
# One compiler cache for all clones of the repository: paths count from its root.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
export PYTHONDONTWRITEBYTECODE=1

trap allow_services EXIT
begin "packages"
ensure_packages build run registry test
for stage in "${stages[@]}"; do "stage_$stage"; done
print_counts
