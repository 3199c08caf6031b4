# shellcheck shell=bash
# setup_registry.sh --stop and --status. Uses that script's variables and its
# words about what runs.

stop_all() {
  [ -d "$run_dir" ] || die "nothing was set up in $data_dir." "Name the directory that was used: --data-dir"
  if ! layergate_pid >/dev/null && ! registry_pid >/dev/null; then
    say "nothing runs"
  fi
  # The door first: a transfer that it is finishing still needs the registry.
  stop_service 60 layergate "$binary" "$config_dir"
  stop_service 20 registry "$registry" "$registry_settings"
}

print_status() {
  local all=0 pid
  if [ ! -f "$settings" ]; then
    say "not set up: $settings does not exist"
    exit 1
  fi
  addresses
  # report NAME CHECK WHAT
  report() {
    local words='does not answer'
    if "$2"; then words=answers; else all=1; fi
    say "$(printf '%-10s %s' "$1" "$3 $words")"
  }
  if embedded; then
    if pid=$(registry_pid); then
      report registry registry_answers "pid $pid, $socket"
    else
      say 'registry   not running' && all=1
    fi
  else
    say "registry   external: $(yml_get "$settings" upstream)"
  fi
  if pid=$(layergate_pid); then
    say "layergate  pid $pid"
    report 'API' api_answers "http://$listen/v2/"
    report 'web UI' ui_answers "http://$ui/"
    if ! "$binary" healthcheck --config-dir "$config_dir" >/dev/null 2>&1; then
      say 'health     not ready; the log says why' && all=1
    fi
  else
    say 'layergate  not running' && all=1
  fi
  say "config     $config_dir"
  say "logs       $log_dir"
  exit "$all"
}
