#!/usr/bin/env bash
# Layergate on one machine: ./setup_registry.sh --help
set -euo pipefail
usage() {
  cat <<'EOF'
usage: ./setup_registry.sh [option...]

Installs what is missing (Debian 12, as root), builds Layergate, makes its
directories, configuration and administrator, starts a registry that only
Layergate can reach, and Layergate. Run again, it changes only what has changed.

  --config-dir DIR    layergate.yml, acl.yml, htpasswd  (root: /etc/layergate)
  --data-dir DIR      images, state, logs               (root: /var/lib/layergate)
                      anybody else: registry-data/config and registry-data here
  --port N            registry API, all addresses       (5000)
  --ui-port N         web UI, 127.0.0.1                 (8080)
  --upstream URL      use this registry, http://HOST:PORT or unix:///PATH, and
                      start none; "embedded" goes back to the own one
  --admin NAME        the administrator's account       (admin)
  --admin-password-file FILE
                      its first line is the password. Without it the password is
                      asked for on a terminal, or made and kept in a file of
                      mode 0600 whose path is printed

  --no-start          do all of it, but start nothing
  --stop              stop what was started
  --status            say what runs; exit 0 if all of it does, else 1
  --help

LAYERGATE_BIN=PROGRAM in the environment: install this one instead of building.
Exit status: 0 done, 1 failed (with the reason and a cure), 2 wrong usage.
EOF
}

program=setup_registry.sh
here=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib/messages.sh
. "$root/scripts/lib/messages.sh"
# shellcheck source=scripts/lib/packages.sh
. "$root/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/ports.sh
. "$root/scripts/lib/ports.sh"
# shellcheck source=scripts/lib/passwords.sh
. "$root/scripts/lib/passwords.sh"
# shellcheck source=scripts/lib/service.sh
. "$root/scripts/lib/service.sh"
# shellcheck source=scripts/lib/files.sh
. "$root/scripts/lib/files.sh"
# shellcheck source=scripts/lib/layergate_yml.sh
. "$root/scripts/lib/layergate_yml.sh"
# shellcheck source=scripts/lib/build.sh
. "$root/scripts/lib/build.sh"
# shellcheck source=scripts/lib/setup_control.sh
. "$root/scripts/lib/setup_control.sh"
# shellcheck source=scripts/lib/setup_install.sh
. "$root/scripts/lib/setup_install.sh"

wrong_usage() {
  printf '%s: %s\n\n' "$program" "$1" >&2
  usage >&2
  exit 2
}

# ---- What is asked for

config_dir='' data_dir='' port='' ui_port='' upstream='' password_file=''
admin=admin mode=start
set_mode() {
  [ "$mode" = start ] || wrong_usage "$1 does not go with --$mode"
  mode=${1#--}
}
while [ $# -gt 0 ]; do
  case $1 in
  --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
  esac
  case $1 in
  --config-dir | --data-dir | --port | --ui-port | --upstream | --admin | --admin-password-file)
    [ $# -ge 2 ] && [ -n "$2" ] || wrong_usage "$1 needs a value"
    case $1 in
    --config-dir) config_dir=$2 ;;
    --data-dir) data_dir=$2 ;;
    --port) port=$2 ;;
    --ui-port) ui_port=$2 ;;
    --upstream) upstream=$2 ;;
    --admin) admin=$2 ;;
    --admin-password-file) password_file=$2 ;;
    esac
    shift 2
    ;;
  --no-start | --stop | --status)
    set_mode "$1"
    shift
    ;;
  -h | --help)
    usage
    exit 0
    ;;
  *) wrong_usage "unknown option: $1" ;;
  esac
done

check_port() {
  [[ $2 =~ ^[0-9]{1,5}$ ]] && [ "$((10#$2))" -ge 1 ] && [ "$((10#$2))" -le 65535 ] ||
    wrong_usage "$1 needs a number from 1 to 65535, not $2"
}
[ -z "$port" ] || { check_port --port "$port" && port=$((10#$port)); }
[ -z "$ui_port" ] || { check_port --ui-port "$ui_port" && ui_port=$((10#$ui_port)); }
[ -z "$port" ] || [ "$port" != "$ui_port" ] || wrong_usage "--port and --ui-port are the same"
[[ $admin =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]] ||
  wrong_usage "--admin needs a name of letters, digits, '.', '_' and '-', not $admin"
# What is built; `layergate check` judges the rest.
[[ -z $upstream || $upstream = embedded || $upstream =~ ^(http://[][A-Za-z0-9._:-]+/?|unix:///[A-Za-z0-9/._+~-]+)$ ]] ||
  wrong_usage "--upstream needs http://HOST:PORT or unix:///PATH, not $upstream"
[ -z "$password_file" ] || [ -r "$password_file" ] ||
  wrong_usage "--admin-password-file: $password_file cannot be read"

# absolute PATH FLAG: paths go into YAML, sed and unix socket addresses as they are.
absolute() {
  [[ $1 =~ ^[A-Za-z0-9/._+@:~-]+$ ]] ||
    wrong_usage "$2: only letters, digits and /._+@:~- in a path, please: $1"
  case $1 in
  /*) realpath -ms -- "$1" ;;
  *) realpath -ms -- "$here/$1" ;;
  esac
}
service_user=''
[ "$(id -u)" != 0 ] || service_user=layergate
if [ -n "$service_user" ] && [ -z "$data_dir" ]; then
  data_dir=/var/lib/layergate binary=/usr/local/bin/layergate
else
  # A data dir of one's own keeps everything in it: two can stand side by side.
  data_dir=$(absolute "${data_dir:-$root/registry-data}" --data-dir)
  binary=$data_dir/bin/layergate
fi
if [ -n "$config_dir" ]; then
  config_dir=$(absolute "$config_dir" --config-dir)
elif [ -n "$service_user" ]; then
  config_dir=/etc/layergate
else
  config_dir=$data_dir/config
fi
# shellcheck disable=SC2034  # service.sh reads it
run_dir=$data_dir/run log_dir=$data_dir/logs
socket=$data_dir/socket/registry.sock
settings=$config_dir/layergate.yml
registry=/usr/bin/docker-registry registry_settings=$config_dir/registry.yml

# ---- Words about what runs, used by every mode

layergate_pid() { running_pid layergate "$binary" "$config_dir"; }
registry_pid() { running_pid registry "$registry" "$registry_settings"; }
embedded() { [ "$(yml_get "$settings" upstream)" = "unix://$socket" ]; }
port_of() { printf '%s\n' "${1##*:}"; }
# An address to reach a listener at: 0.0.0.0 and [::] stand for all.
reach() {
  case $1 in
  0.0.0.0:* | '[::]:'*) printf '127.0.0.1:%s\n' "$(port_of "$1")" ;;
  *) printf '%s\n' "$1" ;;
  esac
}
status_of() { curl --noproxy '*' -s -o /dev/null -m 5 -w '%{http_code}' "$@" 2>/dev/null || true; }
api_answers() { [ "$(status_of "http://$(reach "$listen")/v2/")" = 401 ]; }
ui_answers() { [ "$(status_of "http://$(reach "$ui")/")" = 200 ]; }
registry_answers() { [ "$(status_of --unix-socket "$socket" http://localhost/v2/)" = 200 ]; }
addresses() {
  listen=$(yml_get "$settings" listen) && ui=$(yml_get "$settings" admin) ||
    die "$settings names no address under listen: and admin:." \
      "Put them there as docs/setup.md shows, or move the file away and run again."
}

case $mode in
stop) stop_all ;;
status) print_status ;;
*) install_all ;;
esac
