#!/bin/bash
# Measures confab against its targets for speed and memory: see --help.
set -eu

usage() {
    cat <<'USAGE'
Usage: scripts/bench.sh [--runs N] [--only NAME] [--json FILE] [--build DIR]

Builds the release preset, then measures confab with Redis in the path: confab on processor 0,
confab-bench and a private Redis (append-only file, everysec) on processor 1. Each workload gets
a fresh server; the table shows the median of the runs beside its target.

  --runs N      runs of each workload (3)
  --only NAME   one workload: closed, open, threads, idle, idle-rooms, light-threads or
                light-shared
  --json FILE   also write the table as JSON
  --build DIR   measure the programs in DIR and build nothing
  --help        print this

Workloads
  closed         1,000 clients in one room, shared pumps, each sends when its message came back
  open           the same clients, 100 messages/s in total
  threads        100 clients in one room, a reader and a writer thread for each, closed loop
  idle           10,000 connections in one room that do nothing
  idle-rooms     the same in 100 rooms, whose members are told of each other by name
  light-threads  100 clients in one room, 100 messages/s, pump threads
  light-shared   the same, shared pumps

Exit status: 0 all targets are met, 1 some are not, 2 something could not run.
USAGE
}

die() {
    echo "bench.sh: $*" >&2
    exit 2
}

runs=3 only='' json='' build=''
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --runs | --only | --json | --build) [ $# -gt 1 ] || die "no value behind $1" ;;
    *) die "no such option: $1 (see --help)" ;;
    esac
    case $1 in
    --runs) runs=$2 ;;
    --only) only=$2 ;;
    --json) json=$2 ;;
    --build) build=$2 ;;
    esac
    shift 2
done
case $runs in '' | *[!0-9]* | 0) die "--runs takes a number from 1, not '$runs'" ;; esac

cd "$(dirname "$0")/.."
if [ -z "$build" ]; then
    build=build/release
    cmake --preset release >/dev/null || die 'cannot configure: run scripts/deps.sh'
    cmake --build --preset release --target confab confab-bench >&2 || die 'cannot build'
fi
confab=$build/confab bench=$build/confab-bench
for program in "$confab" "$bench"; do
    [ -x "$program" ] || die "no $program"
done
command -v redis-server >/dev/null || die 'redis-server is missing: run scripts/deps.sh'

server_pin=() load_pin=()
if [ "$(nproc)" -gt 1 ] && command -v taskset >/dev/null; then
    server_pin=(taskset -c 0) load_pin=(taskset -c 1)
fi
ulimit -n "$(ulimit -Hn)" || true # 10,000 connections take as many descriptors on either side

folder=$(mktemp -d)
server='' redis=''
stop_all() {
    for pid in $server $redis; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    server='' redis=''
}
trap 'stop_all; rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM

# wait_for FILE PATTERN PID: until the file has the pattern, for at most 10 s
wait_for() {
    for _ in $(seq 200); do
        grep -q "$2" "$1" 2>/dev/null && return 0
        kill -0 "$3" 2>/dev/null || break
        sleep 0.05
    done
    tail -n 5 "$1" >&2
    die "no '$2' in the log"
}

start_redis() {
    rm -rf "$folder/redis"
    mkdir "$folder/redis"
    "${load_pin[@]}" redis-server --port 0 --unixsocket "$folder/redis/redis.sock" \
        --dir "$folder/redis" --save '' --appendonly yes --appendfsync everysec \
        >"$folder/redis.log" 2>&1 &
    redis=$!
    wait_for "$folder/redis.log" 'ready to accept connections at' "$redis"
}

# start_server PUMPS
start_server() {
    env SERVER_PORT=0 BIND=127.0.0.1 REDIS_ADDR="unix:$folder/redis/redis.sock" PUMPS="$1" \
        RATE_LIMIT_MESSAGES=0 ACCEPT_RATE=0 MAX_CLIENTS=10100 NET_THREADS=1 DRAIN_SECONDS=0 \
        DATA_DIR="$folder/data" ENV_FILE=/dev/null LOG_LEVEL=info \
        "${server_pin[@]}" "$confab" >"$folder/confab.log" 2>&1 &
    server=$!
    wait_for "$folder/confab.log" 'event=listening' "$server"
    wait_for "$folder/confab.log" 'event=store .*state=ready' "$server"
    port=$(sed -n 's/.*event=listening.* port=\([0-9]*\).*/\1/p' "$folder/confab.log" | head -n 1)
}

# value FILE KEY: from the JSON of confab-bench, one value per line
value() {
    sed -n "s/^  \"$2\": \([-0-9.]*\),\{0,1\}\$/\1/p" "$1"
}

median() {
    sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# disturbed NAME: says how much of a core other programs used, when that was much
disturbed() {
    for f in "$folder/$1".*.json; do value "$f" others_cpu_percent; done | median |
        awk -v name="$1" '$1 > 20 { printf "%-14s other programs used %.0f %% of a core\n", name, $1 }'
}

failed=0 json_lines=''
# line WORKLOAD KEY COMPARE TARGET UNIT: one row of the table; COMPARE is '>', '<' or '-'
line() {
    local got verdict=''
    got=$(for f in "$folder/$1".*.json; do value "$f" "$2"; done | median)
    if [ "$3" != - ]; then
        verdict=$(awk -v g="$got" -v t="$4" -v c="$3" \
            'BEGIN { print (c == ">" ? g >= t : g <= t) ? "pass" : "FAIL" }')
        [ "$verdict" = pass ] || failed=1
    fi
    printf '%-14s %-34s %14s %14s  %s\n' "$1" "$5" "$got" "${4:+$3= $4}" "$verdict"
    json_lines+="${json_lines:+,}
    {\"workload\": \"$1\", \"key\": \"$2\", \"median\": $got, \"target\": ${4:-null}, \"pass\": $(
        case $verdict in pass) echo true ;; FAIL) echo false ;; *) echo null ;; esac
    )}"
}

# workload NAME PUMPS OPTIONS…: runs it; false when another one is asked for
workload() {
    local name=$1 pumps=$2 status
    shift 2
    [ -z "$only" ] || [ "$only" = "$name" ] || return 1
    known=1
    for run in $(seq "$runs"); do
        start_redis
        start_server "$pumps"
        status=0
        "${load_pin[@]}" "$bench" --url "ws://127.0.0.1:$port" --pid "$server" \
            --redis-pid "$redis" --json "$@" >"$folder/$name.$run.json" || status=$?
        if [ "$status" -eq 2 ]; then
            tail -n 5 "$folder/confab.log" >&2
            die "$name could not run"
        fi
        [ "$status" -eq 0 ] || { echo "bench.sh: $name: deliveries were wrong" >&2; failed=1; }
        stop_all
    done
    disturbed "$name"
}

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
libwebsockets=$(pkg-config --modversion libwebsockets 2>/dev/null | tr -d - || true)
redis_version=$(redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/')
echo "$(nproc) x ${processor:-processor}, $(uname -sr), Redis $redis_version, libwebsockets" \
    "${libwebsockets:-unknown}, $runs runs, load average $(cut -d ' ' -f 1 /proc/loadavg)"
printf '%-14s %-34s %14s %14s\n' workload what median target

known=0
if workload closed shared --mode closed --clients 1000; then
    line closed deliveries_per_s '>' 2000000 'deliveries/s'
    line closed cpu_us_per_delivery '<' 0.5 'us of CPU per delivery'
    line closed p99_ms - '' 'ms p99'
    line closed redis_cpu_percent - '' '% of a core: Redis'
    line closed own_cpu_percent - '' '% of a core: load generator'
fi
if workload open shared --mode open --clients 1000 --rate 100; then
    line open p50_ms - '' 'ms p50'
    line open p99_ms '<' 15 'ms p99'
    line open p999_ms - '' 'ms p99.9'
    line open cpu_us_per_delivery - '' 'us of CPU per delivery'
fi
if workload threads threads --mode closed --clients 100; then
    line threads deliveries_per_s '>' 300000 'deliveries/s'
    line threads cpu_us_per_delivery - '' 'us of CPU per delivery'
    line threads p99_ms - '' 'ms p99'
fi
for rooms in 1 100; do
    name=idle
    [ "$rooms" -eq 1 ] || name="idle-rooms"
    if workload "$name" shared --mode idle --clients 10000 --rooms "$rooms"; then
        line "$name" rss_mb '<' 100 'MB resident'
        line "$name" kb_per_connection - '' 'KiB per connection'
        line "$name" connect_cpu_ms '<' 0.3 'ms of CPU per connection made'
        line "$name" connect_tail_cpu_ms '<' 0.3 'ms for each of the last 1,000'
        line "$name" cpu_percent - '' '% of a core while idle'
    fi
done
for pumps in threads shared; do
    if workload "light-$pumps" "$pumps" --mode open --clients 100 --rate 100; then
        line "light-$pumps" p50_ms - '' 'ms p50'
        line "light-$pumps" p99_ms - '' 'ms p99'
        line "light-$pumps" cpu_us_per_delivery - '' 'us of CPU per delivery'
    fi
done
[ "$known" -eq 1 ] || die "no such workload: $only"

if [ -n "$json" ]; then
    printf '{\n  "processor": "%s",\n  "processors": %s,\n  "redis": "%s",\n  "libwebsockets": "%s",\n  "runs": %s,\n  "lines": [%s\n  ]\n}\n' \
        "$processor" "$(nproc)" "$redis_version" "$libwebsockets" "$runs" "$json_lines" >"$json"
fi
exit "$failed"
