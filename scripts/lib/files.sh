# shellcheck shell=bash
# The directories and files of an installation. Owners and modes are set on what
# setup makes, never on what it finds. As root, configuration belongs to root
# and is read by the service's group; what the service writes belongs to it, and
# that is also what its management API changes: htpasswd and acl.d.
# Needs messages.sh, service.sh and $service_user.

# make_dir MODE root|service DIR
make_dir() {
  [ -d "$3" ] && return 0
  local said
  said=$(mkdir -p -- "$3" 2>&1 && chmod "$1" -- "$3" 2>&1) ||
    die "cannot make $3: ${said##*: }" "Run as root, or choose a directory of your own: --config-dir, --data-dir"
  if [ -z "$service_user" ]; then
    # The caller's group may have other members.
    chmod g-rwxs,o-rwx -- "$3"
    return
  fi
  case $2 in
  root) chown "root:$service_user" -- "$3" ;;
  service) chown "$service_user:$service_user" -- "$3" ;;
  esac
}

# own_config FILE: a configuration file that setup has just made.
own_config() {
  if [ -z "$service_user" ]; then
    chmod 0600 -- "$1"
  else
    chmod 0640 -- "$1" && chown "root:$service_user" -- "$1"
  fi
}

# own_managed FILE: one that the management API changes, too.
own_managed() {
  own_config "$1"
  [ -z "$service_user" ] || chown "$service_user:$service_user" -- "$1"
}

# require_reach DIR FLAG: the service's account has to get to DIR; a parent like
# /root or a private temporary directory would keep it out.
require_reach() {
  [ -n "$service_user" ] || return 0
  local dir=$1 closed=
  set_service_prefix
  while [ "$dir" != / ]; do
    "${service_prefix[@]}" test -x "$dir" 2>/dev/null || closed=$dir
    dir=$(dirname "$dir")
  done
  [ -z "$closed" ] || die "the service's account, $service_user, cannot enter $closed (mode $(stat -c '%a, %U:%G' "$closed"))." \
    "Choose a directory outside it by $2, or open it: chmod o+x $closed"
}

# install_program SOURCE TARGET: replaced by rename, so that the running one
# keeps its file; left alone if equal.
install_program() {
  if cmp -s -- "$1" "$2"; then
    say "$2 is up to date"
    return
  fi
  install -m 0755 -- "$1" "$2.new" && mv -f -- "$2.new" "$2" ||
    die "cannot install $2." "Run as root, or choose a directory of your own: --data-dir"
  say "$2 installed"
}

write_layergate_yml() { # FILE LISTEN ADMIN UPSTREAM STATE STORAGE; STORAGE: empty, or the registry's files
  cat >"$1" <<EOF
# Layergate's configuration: docs/configuration.md says what each key means.
# Paths that do not start with / start at this file's directory.
# After a change: ./setup_registry.sh again, it restarts what has changed.
listen:
  - address: $2
admin:
  address: $3
upstream:
  url: $4
auth:
  realm: Layergate
  htpasswd: htpasswd
  cache_ttl: 5m
acl: acl.yml
state: $5
workers: 0
EOF
  # Layers are sent from these files; docs/storage.md says how they can come there, too.
  [ -z "$6" ] || sed -i "s|^  url: .*|&\\n  storage: $6|" "$1"
  own_config "$1"
}

write_acl_yml() { # FILE
  cat >"$1" <<'EOF'
# Who may do what: yours to edit, never rewritten by a program. Layergate reads
# a change at once; one with a mistake is refused with its line, and the policy
# before it stays in force. Try a change: layergate check --config-dir <here>
#
# Accounts made by `layergate user add` stand in acl.d/managed.yml; passwords in
# htpasswd. An account needs a line in both.
version: 1

# groups:
#   research: [alice, bob]

# users:
#   alice: {permissions: [view, pull]}
#   ci:    {permissions: [view, pull, push], from: [127.0.0.0/8, 10.0.0.0/8]}

# Nothing matches: denied. deny beats allow, over admin too. The order of rules
# never matters. An admin needs no rule.
rules: []
# rules:
#   - name: research pulls the small models
#     who: ["@research", ci]
#     images: ["telechat:7b-*"]
#     allow: [view, pull]
#   - name: nobody replaces a release
#     who: ["*"]
#     images: ["telechat:*-fp16"]
#     deny: [push, delete]

# An image that no rule covers: push lets an account whose permissions hold push
# push it, if the tag does not exist yet or is its own, and see and pull what it
# pushed; nobody else sees it. deny: nothing.
unregistered: push
EOF
  own_config "$1"
}

write_registry_yml() { # FILE STORAGE SOCKET
  cat >"$1" <<EOF
# The embedded registry: no authentication of its own, so nobody but the
# service's account may open its socket.
version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: $2
  delete:
    enabled: true
  cache:
    blobdescriptor: inmemory
http:
  net: unix
  addr: $3
  # Signs the state of uploads: a fixed one lets them resume after a restart.
  secret: $(random_text 'A-Za-z0-9' 48)
EOF
  own_config "$1"
}
