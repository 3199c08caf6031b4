# shellcheck shell=bash
# Programs in the background by pid file, with or without an init system.
# Needs messages.sh and the variables
#   service_user   the account that they run as; empty: the caller's own
#   run_dir        NAME.pid and NAME.fingerprint; root's, so that the service
#                  cannot point a later --stop at somebody else's process
#   log_dir        NAME.log
#
# A service is named by three words: NAME, the path of its PROGRAM, and the path
# of its CONFIG, which has to stand among its arguments.

# Sets service_prefix: what starts a command in the service's account, without
# capabilities and with nothing of the caller's environment.
# low_port=1 keeps the right to bind ports below 1024.
set_service_prefix() {
  service_prefix=(env -i PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8)
  [ -n "${service_user:-}" ] || return 0
  local kept=-all
  [ "${low_port:-0}" = 0 ] || kept=-all,+net_bind_service
  service_prefix+=(setpriv "--reuid=$service_user" "--regid=$service_user" --clear-groups
    "--bounding-set=$kept" "--inh-caps=$kept" "--ambient-caps=$kept" --no-new-privs)
}

# running_pid NAME PROGRAM CONFIG: prints the service's pid, fails if it does
# not run. A pid file may be left over and its number taken by another process,
# so the process has to be that program with that configuration.
running_pid() {
  local pid exe
  pid=$(cat "${run_dir:?}/$1.pid" 2>/dev/null) || return 1
  [[ $pid =~ ^[1-9][0-9]*$ ]] || return 1
  exe=$(readlink "/proc/$pid/exe" 2>/dev/null) || return 1
  # After an upgrade the program that runs is no longer the file of that name.
  # /proc names it without symbolic links.
  [ "${exe% (deleted)}" = "$(realpath -m -- "$2")" ] || return 1
  tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$3" || return 1
  printf '%s\n' "$pid"
}

# fingerprint FILE...: changes when one of the files does.
fingerprint() { sha256sum -- "$@" 2>/dev/null | sha256sum | cut -d' ' -f1; }

# unchanged NAME FILE...: the files are those that the service was started with.
unchanged() {
  local name=$1
  shift
  [ "$(cat "${run_dir:?}/$name.fingerprint" 2>/dev/null)" = "$(fingerprint "$@")" ]
}

# start_service NAME COMMAND...: in a session of its own, output appended to its
# log. It may end at once: wait_until it answers.
start_service() {
  local name=$1 log="${log_dir:?}/$1.log" fd
  shift
  # One old log is kept; nothing else bounds a log between two starts.
  if [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt $((16 * 1024 * 1024)) ]; then
    mv -f "$log" "$log.1"
  fi
  set_service_prefix
  (
    umask 027
    ulimit -Sn "$(ulimit -Hn)" 2>/dev/null || true
    ulimit -c 0
    cd /
    # Whoever reads from a pipe of the caller's is not to wait for a service.
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || eval "exec $fd>&-"
    done
    # Each of these execs the next, so $! is the service's own pid.
    exec setsid "${service_prefix[@]}" "$@"
  ) </dev/null >>"$log" 2>&1 &
  started=$!
  disown
  printf '%s\n' "$started" >"${run_dir:?}/$name.pid"
}

# gone_within SECONDS NAME PROGRAM CONFIG
gone_within() {
  local seconds=$1 since=$SECONDS told=$SECONDS
  shift
  while running_pid "$@" >/dev/null; do
    [ $((SECONDS - since)) -lt "$seconds" ] || return 1
    if [ $((SECONDS - told)) -ge 5 ]; then
      say "$1 is finishing what it has begun ($((SECONDS - since)) of at most $seconds s)"
      told=$SECONDS
    fi
    sleep 0.1
  done
}

# stop_service SECONDS NAME PROGRAM CONFIG: SIGTERM lets it finish what it has
# begun, for that time; a second one and SIGKILL do not. Succeeds if it did not
# run.
stop_service() {
  local pid seconds=$1
  shift
  if pid=$(running_pid "$@"); then
    kill -TERM "$pid" 2>/dev/null || true
    if ! gone_within "$seconds" "$@"; then
      warn "$1 (pid $pid) has not ended within $seconds s; what it was doing is cut off"
      kill -TERM "$pid" 2>/dev/null || true
      gone_within 5 "$@" || kill -KILL "$pid" 2>/dev/null || true
      gone_within 5 "$@" || die "$1 (pid $pid) does not end, not even by SIGKILL."
    fi
    say "$1 stopped"
  fi
  rm -f "${run_dir:?}/$1.pid" "$run_dir/$1.fingerprint"
}

# wait_until SECONDS WHAT CHECK: polls CHECK; fails with 1 when the time is over,
# with 2 when the service that was started last has ended.
wait_until() {
  local deadline=$((SECONDS + $1)) told=$((SECONDS + 5))
  until "$3"; do
    kill -0 "$started" 2>/dev/null || return 2
    [ "$SECONDS" -lt "$deadline" ] || return 1
    if [ "$SECONDS" -ge "$told" ]; then
      say "still waiting for $2 (at most $1 s)"
      told=$((SECONDS + 5))
    fi
    sleep 0.2
  done
}
