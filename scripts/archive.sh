#!/usr/bin/env bash
# Makes an archive of many messages, and measures it: see --help.
set -eu
cd "$(dirname "$0")/.."

usage() {
    cat <<'EOF'
Usage: scripts/archive.sh data N FOLDER [OPTION]…
       scripts/archive.sh bench [N]

data   writes N messages (10 words, as Zipf's law has them) through the archive's own code into
       FOLDER, in batches of 2,000 with the index made every 20,000, and says how fast
bench  the same in a temporary folder, without and with the index, for N messages (10000000;
       about 300 bytes of disk each), then pages of 50 out of them and searches: warm, and
       with the file dropped from the cache before each

  --rooms N    rooms that they are spread over (100)
  --users N    who write them (1000)
  --no-index   data: without the index for searches
  --help       this text

The folder of bench is in TMPDIR (/tmp) and is removed at the end.
EOF
}

die() {
    echo "archive.sh: $*" >&2
    exit 2
}

build() {
    cmake --preset release >/dev/null
    cmake --build --preset release --target confab-archive >/dev/null
}

case ${1-} in
data)
    [ $# -ge 3 ] || die "data N FOLDER: see --help"
    n=$2 folder=$3
    shift 3
    build
    exec build/release/confab-archive data "$folder" --rows "$n" "$@"
    ;;
bench)
    shift
    n=10000000
    case ${1-} in
    [0-9]*) n=$1; shift ;;
    esac
    build
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    run() { # WHAT FOLDER OPTION…
        build/release/confab-archive "$1" "$folder/$2" --rows "${@:3}"
    }
    echo "without the index, 1000000 messages:"
    run data plain 1000000 --no-index "$@" | tail -n 1
    rm -rf "$folder/plain"
    echo "with the index, $n messages:"
    run data all "$n" "$@"
    ls -l "$folder/all"
    run pages all "$n" "$@"
    run pages all "$n" --cold "$@"
    run find all "$n" "$@"
    run find all "$n" --cold "$@"
    ;;
--help | -h) usage ;;
*) usage >&2; exit 2 ;;
esac
