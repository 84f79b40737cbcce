#!/usr/bin/env bash
# Installs what is missing, builds confab and runs it.
set -eu

usage() {
    cat <<'EOT'
Usage: scripts/run.sh [--instances N] [--no-install] [--OPTION VALUE]…

Installs the distribution's packages that are missing (scripts/deps.sh), builds the release
preset and runs confab in the foreground, until Ctrl-C. Without REDIS_ADDR confab runs a Redis
of its own in DATA_DIR.

  --instances N   N servers (1 to 64) on SERVER_PORT, SERVER_PORT + 1 … with one Redis
  --no-install    do not look for missing packages
  --help          this text

Every other option goes to confab: scripts/run.sh --server-port 9000. All of them, with their
environment names: build/release/confab --help. With CONFAB_BIN=/path/to/confab nothing is
installed or built.
EOT
}

cd "$(dirname "$0")/.."
# shellcheck source=scripts/instances.sh
. scripts/instances.sh

read_arguments 1 "$@"

build_confab
[ -z "$port_flag" ] || options+=("--server-port=$port_flag")
if [ "$instances" -eq 1 ]; then
    exec "$confab" ${options[@]+"${options[@]}"}
fi

port=$(server_port)
is_number "$port" || exec "$confab" "--server-port=$port" # it says what is wrong
trap stop_children INT TERM HUP
for ((i = 0; i < instances; i++)); do
    start_child "$confab" ${options[@]+"${options[@]}"} "--server-port=$((port == 0 ? 0 : port + i))"
done
wait_children
