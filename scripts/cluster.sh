#!/usr/bin/env bash
# Several confab instances behind the machine's nginx, on one port.
set -eu

usage() {
    cat <<'EOT'
Usage: scripts/cluster.sh [--instances N] [--server-port PORT] [--no-install] [--OPTION VALUE]…

What docker-compose.yml does, without containers: N instances of confab on free ports of
127.0.0.1, one Redis, and nginx on SERVER_PORT in front of them. Needs no root. One Ctrl-C for all.

  --instances N        how many (1 to 64); default 3
  --server-port PORT   port of nginx; default SERVER_PORT or 8080
  --no-install         do not look for missing packages
  --help               this text

Every other option goes to each confab. With CONFAB_BIN=/path/to/confab nothing is installed or
built.
EOT
}

cd "$(dirname "$0")/.."
# shellcheck source=scripts/instances.sh
. scripts/instances.sh
PATH=$PATH:/usr/sbin:/sbin

read_arguments 3 "$@"
port=$(server_port)
if ! is_number "$port" || [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then
    say "cluster.sh: SERVER_PORT is \"$port\": it must be a whole number from 1 to 65535"
    exit 2
fi
command -v nginx >/dev/null || die "nginx is not installed: apt-get install nginx-light"
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    die "port $port is taken: choose another one with --server-port"
fi

build_confab
dir=$(mktemp -d)
chmod 711 "$dir" # the workers of an nginx that root starts are another user
trap 'rm -rf "$dir"' EXIT
trap stop_children INT TERM HUP

# The port that an instance chose: it says so on stdout when it listens.
port_of() {
    sed -n 's/^confab on port \([0-9]*\)$/\1/p' "$dir/instance-$1"
}

start_instances() {
    local i
    for ((i = 0; i < instances; i++)); do
        start_child "$confab" ${options[@]+"${options[@]}"} --bind=127.0.0.1 --server-port=0 \
            --trusted-proxies=127.0.0.1 >"$dir/instance-$i"
    done
    for ((i = 0; i < instances; i++)); do
        until [ -n "$(port_of $i)" ]; do
            # one that cannot start has said why
            kill -0 "${children[i]}" 2>/dev/null && [ -z "$stopping" ] || return 1
            sleep 0.05
        done
    done
}

write_config() {
    local i files servers=
    files=$(ulimit -Hn)
    [ "$files" != unlimited ] && [ "$files" -lt 65536 ] || files=65536
    for ((i = 0; i < instances; i++)); do
        servers+="        server 127.0.0.1:$(port_of $i) max_fails=1 fail_timeout=2s;\\n"
    done
    cp deploy/nginx/*.conf "$dir"
    sed -e "s|@PORT@|$port|" -e "s|@FILES@|$files|" -e "s|@CONNECTIONS@|$((files / 2))|" \
        -e "s|@SERVERS@|$servers|" deploy/nginx/cluster.conf.in >"$dir/nginx.conf"
}

if start_instances && write_config; then
    start_child nginx -e stderr -p "$dir" -c "$dir/nginx.conf"
    gently=${children[instances]}
    "$confab" --addresses "--server-port=$port" || true # Ctrl-C ends it too
else
    stop_children
fi
wait_children
