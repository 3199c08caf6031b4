# shellcheck shell=bash
# Debian packages: which are missing, and how they are installed.
# Needs messages.sh.

# package_list NAME...: the packages of scripts/packages/NAME.txt, one a line.
package_list() {
  local name
  for name in "$@"; do
    sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "${root:?}/scripts/packages/$name.txt"
  done
}

# missing_packages PACKAGE...: those that are not installed, one a line.
missing_packages() {
  local installed name
  # dpkg-query fails when it knows nothing of a package, which is no failure here.
  installed=$({ dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } |
    sed -n 's/^installed //p')
  for name in "$@"; do
    grep -qxF -- "$name" <<<"$installed" || printf '%s\n' "$name"
  done
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null
}

# True if apt can name a version of every package: if not, its lists are absent
# or old, and apt-get update comes first.
apt_knows() {
  local known name
  known=$(apt-cache policy "$@" 2>/dev/null |
    awk '/^[^ ]/ {name = $1; sub(/:$/, "", name)} /Candidate:/ && $2 != "(none)" {print name}')
  for name in "$@"; do
    grep -qxF -- "$name" <<<"$known" || return 1
  done
}

# ensure_packages LIST...: installs what is missing of scripts/packages/LIST.txt.
# Calls before_install PACKAGE... first if the script defines that function.
ensure_packages() {
  command -v dpkg-query >/dev/null ||
    die "this is no Debian: packages cannot be checked or installed." \
      "Install the equivalents of these and build by hand, as docs/setup.md says:" \
      "$(package_list "$@" | paste -sd' ')"
  local wanted missing log
  mapfile -t wanted < <(package_list "$@")
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  if [ ${#missing[@]} -eq 0 ]; then
    say "all ${#wanted[@]} packages are installed"
    return
  fi
  [ "$(id -u)" = 0 ] ||
    die "packages are missing, and only root may install them." \
      "Run: sudo apt-get install ${missing[*]}" "and then this script again."
  log=$(mktemp "${TMPDIR:-/tmp}/layergate-apt.XXXXXX.log")
  if declare -F before_install >/dev/null; then before_install "${missing[@]}"; fi
  if ! apt_knows "${missing[@]}"; then
    say "apt-get update"
    apt_get update >>"$log" 2>&1 || {
      show_end "$log"
      die "apt-get update failed." "Check the network and /etc/apt/sources.list."
    }
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  # A list that is a few days old names versions that the mirror has dropped.
  apt_get install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 ||
    { say "apt-get update, and once more" &&
      apt_get update >>"$log" 2>&1 &&
      apt_get install --no-install-recommends "${missing[@]}" >>"$log" 2>&1; } || {
    show_end "$log"
    die "apt-get install failed; all it said is in $log." \
      "If another apt is running, wait for it; \`dpkg --configure -a\` mends a broken state."
  }
  rm -f "$log"
}

# mask_registry_service: Debian's docker-registry starts a service of its own on
# :5000, all addresses, the moment it is installed. Two switches keep it off,
# both before its files arrive: a masked unit for systemd, and for every other
# init the file that its init script sources before it does anything.
mask_registry_service() {
  local unit=/etc/systemd/system/docker-registry.service defaults=/etc/default/docker-registry
  mkdir -p "${unit%/*}" "${defaults%/*}"
  [ -e "$unit" ] || [ -L "$unit" ] || ln -s /dev/null "$unit"
  [ -e "$defaults" ] || cat >"$defaults" <<'EOF'
# Made by Layergate's setup_registry.sh: the registry runs behind Layergate, on
# a unix socket; Debian's own service would offer it unguarded on port 5000.
# To get that service back: remove this file, `systemctl unmask docker-registry`.
exit 0
EOF
}
