# Sourced by run.sh and cluster.sh: the arguments, the build, several processes as one.
# shellcheck shell=bash

install=yes
port_flag=
options=()    # for confab
children=()
gently=       # the child that SIGQUIT asks to stop after its connections, SIGTERM at once
stopping=     # when: $SECONDS

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

is_number() { [[ $1 =~ ^[0-9]{1,5}$ ]]; }

# Sets instances (to $1 when there is no such flag), install, port_flag and options.
read_arguments() {
    instances=$1
    shift
    while [ $# -gt 0 ]; do
        case $1 in
        --help | -h) usage; exit 0 ;;
        --no-install) install=no ;;
        --instances=*) instances=${1#*=} ;;
        --instances) instances=${2-}; shift $(($# > 1)) ;;
        --server-port=*) port_flag=${1#*=} ;;
        --server-port) port_flag=${2-}; shift $(($# > 1)) ;;
        *) options+=("$1") ;;
        esac
        shift
    done
    if ! is_number "$instances" || [ "$instances" -lt 1 ] || [ "$instances" -gt 64 ]; then
        say "${0##*/}: --instances is \"$instances\": it must be a whole number from 1 to 64"
        exit 2
    fi
}

# SERVER_PORT as confab reads it: flag, environment, .env, default.
server_port() {
    local file=${ENV_FILE:-.env} port=$port_flag
    [ -n "$port" ] || port=${SERVER_PORT:-}
    if [ -z "$port" ] && [ -r "$file" ]; then
        port=$(sed -nE 's/^(export )?SERVER_PORT=["'\'']?([0-9]*).*/\2/p' "$file" | tail -n 1)
    fi
    echo "${port:-8080}"
}

# Sets confab to the path of the binary: CONFAB_BIN, or what is built here.
build_confab() {
    confab=${CONFAB_BIN:-}
    [ -z "$confab" ] || return 0
    if [ $install = yes ]; then
        scripts/deps.sh build run
    fi
    command -v cmake >/dev/null || die "cmake is missing: run scripts/deps.sh build run"
    cmake --preset release >/dev/null
    cmake --build --preset release --target confab
    confab=$PWD/build/release/confab
}

# Runs a command that hears only what this script tells it: not Ctrl-C, not the end of the
# terminal. It ends with this script, even when that is killed.
start_child() {
    (
        trap '' INT HUP
        exec setsid setpriv --pdeathsig TERM "$@"
    ) &
    children+=($!)
    # a signal may have come while it started
    [ -z "$stopping" ] || kill -TERM $! 2>/dev/null || true
}

# Called again it means: at once. Within a second or two it is the same request twice, as
# timeout(1) and service managers make it.
stop_children() {
    local pid signal
    [ -z "$stopping" ] || [ $((SECONDS - stopping)) -ge 2 ] || return 0
    for pid in ${children[@]+"${children[@]}"}; do
        signal=TERM
        [ "$pid" != "$gently" ] || [ -n "$stopping" ] || signal=QUIT
        kill -$signal "$pid" 2>/dev/null || true
    done
    stopping=${stopping:-$SECONDS}
}

# Waits until one child has ended and returns its status; 255 when a signal came instead.
wait_child() {
    local ended code=0 pid left=()
    wait -n -p ended "${children[@]}" || code=$?
    [ -n "${ended:-}" ] || return 255
    for pid in "${children[@]}"; do
        [ "$pid" = "$ended" ] || left+=("$pid")
    done
    children=(${left[@]+"${left[@]}"})
    return $code
}

# Waits for all. The first to end takes the others with it. Returns 0, or the first status that
# is not 0.
wait_children() {
    local status=0 code
    while [ ${#children[@]} -gt 0 ]; do
        code=0
        wait_child || code=$?
        [ $code -ne 255 ] || continue
        [ $status -ne 0 ] || status=$code
        [ -n "$stopping" ] || stop_children
    done
    return $status
}
