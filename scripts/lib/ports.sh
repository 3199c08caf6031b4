# shellcheck shell=bash
# TCP ports: is one taken, and by whom. Needs messages.sh, and ss of iproute2.

# listeners ADDRESS PORT: lines of ss for sockets that keep ADDRESS:PORT from
# being bound. Two different specific addresses do not meet on one port.
listeners() {
  ss -Hltnp "sport = :$2" 2>/dev/null | awk -v want="$1" '
    function any(a) { return a == "*" || a == "0.0.0.0" || a == "[::]" || a == "::" }
    { have = $4; sub(/:[0-9]+$/, "", have); sub(/%.*$/, "", have) }
    any(have) || any(want) || have == want'
}

# require_free ADDRESS PORT FLAG: ends the script if somebody listens there.
require_free() {
  local found who pid cure
  found=$(listeners "$1" "$2")
  [ -n "$found" ] || return 0
  who=$(sed -n 's/.*users:((\(.*\)))$/\1/p' <<<"$found" | head -n 1)
  pid=$(sed -n 's/.*pid=\([0-9]*\).*/\1/p' <<<"$who" | head -n 1)
  if [ -n "$pid" ]; then
    local name=${who#\"}
    who="${name%%\"*} (pid $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c 1-120))"
    cure="Stop it, for example by: kill $pid"
    case $(readlink "/proc/$pid/exe" 2>/dev/null) in
    */docker-registry)
      cure="If it is Debian's own service: systemctl disable --now docker-registry (or: kill $pid)" ;;
    */layergate*)
      cure="It is another Layergate: stop it by --stop with its --data-dir (or: kill $pid)" ;;
    esac
  else
    who="a process that this user cannot see (another user's or container's)"
    cure="Find it as root: ss -ltnp 'sport = :$2'"
  fi
  die "port $2 is in use by $who." "$cure" "Or choose another port: $3 PORT"
}
