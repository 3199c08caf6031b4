# shellcheck shell=bash
# The sum over all suites. Needs messages.sh and $reports.

passed=0 failed=0 skipped=0 failures=()

# begin WHAT: a progress line with the time since the start.
begin() { step "$(printf '[%d:%02d] %s' $((SECONDS / 60)) $((SECONDS % 60)) "$*")"; }

# count WHAT PASSED FAILED [SKIPPED]
count() {
  passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + ${4:-0}))
  if [ "$3" = 0 ]; then
    local more=''
    [ "${4:-0}" = 0 ] || more=", $4 skipped"
    say "$1: $2 passed$more"
  else
    say "$1: $2 passed, $3 FAILED"
    failures+=("$1: $3 failed")
  fi
}

# check NAME COMMAND...: one test; its output goes to $reports/NAME.log and, if
# it fails, to standard error.
check() {
  local name=$1
  shift
  if "$@" >"${reports:?}/$name.log" 2>&1; then
    count "$name" 1 0
  else
    show_end "$reports/$name.log" 60
    count "$name" 0 1
  fi
}

# count_doctest NAME STATUS: from the summary in $reports/NAME.log. A program
# that ended without one has crashed.
count_doctest() {
  local log=$reports/$1.log ok bad
  ok=$(sed -n 's/^\[doctest\] test cases: .*| *\([0-9]*\) passed |.*/\1/p' "$log" | tail -n 1)
  bad=$(sed -n 's/^\[doctest\] test cases: .*| *\([0-9]*\) failed.*/\1/p' "$log" | tail -n 1)
  if [ "$2" != 0 ] && [ "${bad:-0}" = 0 ]; then bad=1; fi
  [ "$2" = 0 ] || show_end "$log" 60
  count "$1" "${ok:-0}" "${bad:-1}"
}

# count_junit NAME STATUS: from pytest's $reports/NAME.xml. Status 5 is pytest's
# word for "no test selected"; a run that wrote no report has failed.
count_junit() {
  local numbers
  [ "$2" != 5 ] || { count "$1" 0 0 && return; }
  numbers=$(/usr/bin/python3 - "$reports/$1.xml" <<'EOF'
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
tests, bad, skipped = (int(suite.get(key)) for key in ("tests", "failures", "skipped"))
errors = int(suite.get("errors"))
print(max(tests - bad - errors - skipped, 0), bad + errors, skipped)
EOF
  ) || numbers="0 1 0"
  # shellcheck disable=SC2086
  set -- "$1" "$2" $numbers
  # A run that was cut short reports no failure, but is one.
  if [ "$2" != 0 ] && [ "$4" = 0 ]; then set -- "$1" "$2" "$3" 1 "$5"; fi
  count "$1" "$3" "$4" "$5"
}

print_counts() {
  local line
  begin "done"
  for line in "${failures[@]}"; do printf '   %s\n' "$line"; done
  printf '\n'
  if [ "$skipped" = 0 ]; then
    printf '%d passed, %d failed\n' "$passed" "$failed"
  else
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  fi
  [ "$failed" = 0 ]
}
