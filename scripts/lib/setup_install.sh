# shellcheck shell=bash
# setup_registry.sh without --stop or --status: install_all, at the end, is the
# order of the steps. Uses that script's variables and its words about what runs.

before_install() {
  case " $* " in *' docker-registry '*)
    say "masking Debian's own docker-registry service"
    mask_registry_service
    ;;
  esac
}

# What layergate.yml says, or will say: the options beat the file, the file
# beats the defaults.
plan_addresses() {
  listen=0.0.0.0:5000 ui=127.0.0.1:8080 upstream_url=unix://$socket
  if [ -f "$settings" ]; then
    addresses
    upstream_url=$(yml_get "$settings" upstream) ||
      die "$settings names no url under upstream:." "Put it there, or move the file away and run again."
  fi
  [ -z "$port" ] || listen=${listen%:*}:$port
  [ -z "$ui_port" ] || ui=${ui%:*}:$ui_port
  case $upstream in
  '') ;;
  embedded) upstream_url=unix://$socket ;;
  *) upstream_url=$upstream ;;
  esac
  [ "$(port_of "$listen")" != "$(port_of "$ui")" ] ||
    wrong_usage "the registry API and the web UI are both on port $(port_of "$ui")"
  # sun_path has 108 bytes, the last of them 0.
  [ ${#socket} -le 107 ] ||
    die "the registry's socket would have a path of ${#socket} bytes, and 107 is the limit: $socket" \
      "Choose a shorter --data-dir."
  uses_embedded=0
  [ "$upstream_url" != "unix://$socket" ] || uses_embedded=1
  # Read by set_service_prefix.
  # shellcheck disable=SC2034
  low_port=$(($(port_of "$listen") < 1024 || $(port_of "$ui") < 1024))
}

# Taken ports are found before the long build, not after it.
require_ports() {
  local have_listen='' have_ui=''
  if [ -f "$settings" ] && layergate_pid >/dev/null; then
    have_listen=$(yml_get "$settings" listen) have_ui=$(yml_get "$settings" admin)
  fi
  [ "$have_listen" = "$listen" ] || require_free "${listen%:*}" "$(port_of "$listen")" --port
  [ "$have_ui" = "$ui" ] || require_free "${ui%:*}" "$(port_of "$ui")" --ui-port
}

make_account_and_dirs() {
  if [ -n "$service_user" ] && ! getent passwd "$service_user" >/dev/null; then
    useradd --system --user-group --home-dir /var/lib/layergate --no-create-home \
      --shell /usr/sbin/nologin "$service_user" ||
      die "cannot make the system account $service_user." "useradd says why, above."
    say "system account $service_user made"
  fi
  make_dir 0755 root "$data_dir"
  make_dir 0755 root "$run_dir"
  exec 9>"$run_dir/setup.lock"
  flock -n 9 || die "another $program is at work on $data_dir." "Wait until it has ended."
  [ "$binary" != "$data_dir/bin/layergate" ] || make_dir 0755 root "$data_dir/bin"
  make_dir 0750 root "$log_dir"
  make_dir 0700 service "$data_dir/state"
  if [ "$uses_embedded" = 1 ]; then
    make_dir 0700 service "$data_dir/registry"
    make_dir 0700 service "$data_dir/socket"
  fi
  # Sticky: the service may put a new htpasswd and managed.yml in the place of its own, and has no way
  # to the other files, which are root's.
  make_dir 3770 root "$config_dir"
  make_dir 3770 root "$config_dir/acl.d"
  require_reach "$data_dir" --data-dir
  require_reach "$config_dir" --config-dir
  say "configuration in $config_dir, images and state in $data_dir"
}

build_and_install() {
  local built=${LAYERGATE_BIN:-}
  if [ -n "$built" ]; then
    case $built in /*) ;; *) built=$here/$built ;; esac
    [ -x "$built" ] || die "LAYERGATE_BIN is no program: $built" "Name one, or unset it to build."
    say "using $built"
  else
    say "a few minutes the first time; what the compiler says is in build/release.log"
    build_preset release || die "the build failed." "All of it is in build/release.log."
    built=$(built_program release)
  fi
  install_program "$built" "$binary"
  # With a data dir of one's own nothing is put outside of it.
  [ "$binary" != /usr/local/bin/layergate ] || install_help
}

# The manual page, and the completion of bash. It works without them.
install_help() {
  local share=/usr/local/share
  if ! { mkdir -p "$share/man/man1" "$share/bash-completion/completions" &&
    "$binary" man >"$share/man/man1/layergate.1" &&
    "$binary" completion bash >"$share/bash-completion/completions/layergate"; }; then
    say "no manual page and no completion: $share cannot be written"
  fi
}

# make_file FILE WRITER ARGUMENT...: a file that appears whole or not at all.
make_file() {
  local file=$1 writer=$2 beside
  shift 2
  beside=$(mktemp "${file%/*}/.${file##*/}.XXXXXX") ||
    die "cannot write to ${file%/*}." "Run as root, or choose a directory of your own."
  if ! { "$writer" "$beside" "$@" && sync -- "$beside" && mv -fT -- "$beside" "$file"; }; then
    rm -f -- "$beside"
    die "cannot write $file." "Is the disk full? df -h ${file%/*}"
  fi
  say "$file made"
}

# set_value FILE SECTION VALUE
set_value() {
  [ "$(yml_get "$1" "$2")" != "$3" ] || return 0
  yml_set "$1" "$2" "$3"
  say "layergate.yml: $2 is now $3"
}

# The options' values in layergate.yml, which stays as it is if they make no valid one. They are
# tried in a directory beside the configuration, so that relative paths lead where they will.
change_layergate_yml() {
  local trial said file
  trial=$(mktemp -d "$config_dir.trial.XXXXXX") || die "cannot write beside $config_dir." "Run as root."
  for file in "$config_dir"/*; do
    [ "$file" = "$settings" ] || ln -s -- "$file" "$trial/"
  done
  cp -p -- "$settings" "$trial/layergate.yml"
  set_value "$trial/layergate.yml" listen "$listen"
  set_value "$trial/layergate.yml" admin "$ui"
  set_value "$trial/layergate.yml" upstream "$upstream_url"
  # Another registry's layers are not in the embedded one's files.
  if [ "$uses_embedded" = 0 ] && yml_drop_storage "$trial/layergate.yml" "$data_dir/registry"; then
    say "layergate.yml: upstream.storage is taken away, it is the embedded registry's"
  fi
  said=$("$binary" check --config-dir "$trial" 2>&1) || true
  if grep -q '^error: layergate.yml' <<<"$said"; then
    rm -rf -- "$trial"
    printf '%s\n' "$said" | sed 's/^/   /' >&2
    die "layergate.yml would not be valid with these options; it stays as it is." "Mend what is named above."
  fi
  cmp -s -- "$settings" "$trial/layergate.yml" || mv -f -- "$trial/layergate.yml" "$settings"
  rm -rf -- "$trial"
}

write_configuration() {
  local storage=''
  if [ -f "$settings" ]; then
    change_layergate_yml
  else
    [ "$uses_embedded" = 0 ] || storage=$data_dir/registry
    make_file "$settings" write_layergate_yml "$listen" "$ui" "$upstream_url" "$data_dir/state" "$storage"
  fi
  [ -f "$config_dir/acl.yml" ] || make_file "$config_dir/acl.yml" write_acl_yml
  if [ "$uses_embedded" = 1 ] && [ ! -f "$registry_settings" ]; then
    make_file "$registry_settings" write_registry_yml "$data_dir/registry" "$socket"
  fi
}

# Whether both halves of the account are there: its line in htpasswd, and its entry in the policy.
has_account() {
  awk -F: -v name="$1" '$1 == name {found = 1} END {exit !found}' "$config_dir/htpasswd" 2>/dev/null || return 1
  local said
  said=$("$binary" access check "$1" any any --config-dir "$config_dir" 2>/dev/null) || true
  [[ $said != *'no such account'* ]]
}

make_admin() {
  local password='' kept='' beside='' said status=0
  if has_account "$admin"; then
    say "$admin exists; its password is left as it is"
    return
  fi
  if [ -n "$password_file" ]; then
    IFS= read -r password <"$password_file" || true
    [ -n "$password" ] || die "the first line of $password_file is empty." "Put the password there."
  elif [ -t 0 ]; then
    ask_password "$admin"
  fi
  if [ -z "$password" ]; then
    password=$(strong_password)
    kept=$config_dir/$admin.password
    # Kept before it counts: an account whose password nobody knows could not be mended by a run.
    beside=$(mktemp "$config_dir/.$admin.password.XXXXXX") && printf '%s\n' "$password" >"$beside" ||
      die "cannot keep the password in $config_dir." "Is the disk full? df -h $config_dir"
  fi
  said=$(printf '%s\n' "$password" |
    "$binary" user add "$admin" --permissions admin --password-stdin --config-dir "$config_dir" 2>&1) || status=$?
  if [ "$status" != 0 ]; then
    [ -z "$beside" ] || rm -f -- "$beside"
    die "the account $admin was not made: ${said:-exit status $status}" \
      "A password needs 12 characters: upper and lower case, a digit and another one." \
      "If acl.yml or acl.d/managed.yml already speaks of $admin, remove it there first."
  fi
  has_account "$admin" || die "$binary said that it made $admin, but it is not there."
  own_managed "$config_dir/htpasswd"
  own_managed "$config_dir/acl.d/managed.yml"
  say "administrator $admin made"
  if [ -n "$kept" ]; then
    mv -fT -- "$beside" "$kept" || kept=$beside
    say "its password is in $kept (mode 0600)"
  fi
}

check_configuration() {
  local said
  said=$("$binary" check --config-dir "$config_dir" 2>&1) || {
    printf '%s\n' "$said" | sed 's/^/   /' >&2
    die "the configuration in $config_dir is not valid." "Mend the lines named above and run again."
  }
  set_service_prefix
  local file
  for file in layergate.yml acl.yml htpasswd acl.d/managed.yml; do
    [ ! -e "$config_dir/$file" ] || "${service_prefix[@]}" test -r "$config_dir/$file" ||
      die "the service's account cannot read $config_dir/$file." \
        "chown root:$service_user $config_dir/$file && chmod 0640 $config_dir/$file"
  done
  say "the configuration is valid"
}

# await NAME SECONDS WHAT CHECK: until the service that was started answers.
await() {
  local status=0
  wait_until "$2" "$3" "$4" || status=$?
  [ "$status" = 0 ] && return
  show_end "$log_dir/$1.log"
  [ "$status" = 1 ] || die "$1 ended instead of answering ($3)." "The reason is above."
  die "$3 did not answer within $2 s." "The log is above; $program --status says what runs."
}

start_registry() {
  if registry_pid >/dev/null; then
    if unchanged registry "$registry" "$registry_settings"; then
      say "registry runs already (pid $(registry_pid))"
      return
    fi
    say "registry has changed: restarting it"
    stop_service 20 registry "$registry" "$registry_settings"
  fi
  # A socket that a killed registry left behind.
  rm -f -- "$socket"
  start_service registry "$registry" serve "$registry_settings"
  await registry 30 "the registry's socket" registry_answers
  fingerprint "$registry" "$registry_settings" >"$run_dir/registry.fingerprint"
  say "registry started (pid $(registry_pid))"
}

start_layergate() {
  if layergate_pid >/dev/null; then
    if unchanged layergate "$binary" "$settings"; then
      say "layergate runs already (pid $(layergate_pid))"
      return
    fi
    say "layergate or its configuration has changed: restarting it"
    # Nobody waits for a restart: a layer of 24 GB may take its time, which
    # limits.drain of layergate.yml ends.
    stop_service 600 layergate "$binary" "$config_dir"
  fi
  start_service layergate "$binary" serve --config-dir "$config_dir"
  await layergate 30 "the registry API on $listen" api_answers
  await layergate 30 "the web UI on $ui" ui_answers
  fingerprint "$binary" "$settings" >"$run_dir/layergate.fingerprint"
  say "layergate started (pid $(layergate_pid))"
}

print_next_steps() {
  local door from='' kept=$config_dir/$admin.password
  door=localhost:$(port_of "$listen")
  [ ! -f "$kept" ] || from=" --password-stdin <$kept"
  cat <<EOF

The registry API answers on $listen, the web UI on http://$ui/.
Try:

  docker login $door --username $admin$from
  docker tag IMAGE $door/telechat:7b-fp16 && docker push $door/telechat:7b-fp16
  docker pull $door/telechat:7b-fp16

Who may do what is decided in $config_dir/acl.yml.
EOF
}

install_all() {
  local lists=(build run)
  step "packages"
  # The plan needs no package, and a mistake in it no long wait.
  plan_addresses
  [ "$uses_embedded" = 0 ] || lists+=(registry)
  [ -z "${LAYERGATE_BIN:-}" ] || lists=("${lists[@]:1}")
  ensure_packages "${lists[@]}"
  [ "$mode" = no-start ] || require_ports
  step "directories"
  make_account_and_dirs
  step "build"
  build_and_install
  step "configuration"
  write_configuration
  make_admin
  check_configuration
  if [ "$mode" = no-start ]; then
    printf '\nEverything is in place and nothing was started. To start it: %s\n' \
      "the same command without --no-start"
    return
  fi
  step "start"
  if [ "$uses_embedded" = 1 ]; then start_registry; else say "registry: $upstream_url"; fi
  start_layergate
  print_next_steps
}
