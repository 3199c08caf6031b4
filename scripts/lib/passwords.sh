# shellcheck shell=bash
# The administrator's first password. It never stands in an argument list, the
# environment or the output.

# random_text CLASS LENGTH: characters of a tr class from the kernel's generator.
random_text() {
  local text=
  while [ ${#text} -lt "$2" ]; do
    text+=$(head -c 256 /dev/urandom | LC_ALL=C tr -dc "$1")
  done
  printf '%s\n' "${text:0:$2}"
}

# strong_password: 24 characters with each of the four kinds that the password
# rules ask for, none of which a shell or YAML would read.
strong_password() {
  local made
  while :; do
    made=$(random_text 'A-Za-z0-9_.+=' 24)
    [[ $made == *[A-Z]* && $made == *[a-z]* && $made == *[0-9]* && $made == *[_.+=]* ]] && break
  done
  printf '%s\n' "$made"
}

# ask_password NAME: from the terminal, twice; into the variable `password`,
# which stays empty when Enter alone is pressed.
ask_password() {
  local again tries
  for tries in 1 2 3; do
    read -rsp "   Password for $1 (Enter alone: make one): " password </dev/tty && echo
    [ -n "$password" ] || return 0
    read -rsp "   The same again: " again </dev/tty && echo
    [ "$password" != "$again" ] || return 0
    say "they differ ($tries of 3)"
  done
  die "no password was given twice alike." "Run again, or use --admin-password-file FILE."
}
