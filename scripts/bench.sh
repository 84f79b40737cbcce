#!/usr/bin/env bash
# Measures confab's speed and memory, by itself or against its peers: --help says how.
set -eu
cd "$(dirname "$0")/.."

if [ ! -x /usr/bin/python3 ]; then
    echo 'bench.sh: python3 is missing: install it from the distribution' >&2
    exit 2
fi
export PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 tests/bench/compare "$@"
