#!/usr/bin/env bash
# Breaks everything around a running confab and proves that nothing is lost: see --help.
set -eu
cd "$(dirname "$0")/.."

usage() {
    cat <<'EOF'
Usage: scripts/fault.sh [--short | --long] [--preset NAME] [--json FILE] [--markdown] [--list]
                        [--seed N] [--no-deps] [ROW…]

Installs what is missing (scripts/deps.sh), builds, starts real parts (redis-server, confab,
nginx, redis-sentinel) and, while confab-soak loads them and judges what every client saw, injects
one fault after another. Prints a table with one line for each. Exit status 1 when a promise of
docs/GUARANTEES.md did not hold; the logs of a row that failed are kept and their folder is named.

  --short         all rows in small form, about two and a half minutes (the default; for CI)
  --long          full durations: pauses of 30 s, faults that go on for 2 minutes, 10,000
                  connections, 10 minutes of load; about 40 minutes
  --preset NAME   release (default), asan or tsan; under sanitizers deadlines are longer, crowds
                  are smaller, and memory is not judged
  --json FILE     also write everything that was measured
  --markdown      print the table as Markdown
  --list          print the rows and what they do, and run nothing
  --seed N        for confab-soak: the same choices as in another run
  --no-deps       do not look for missing packages
  --help          this text

With CONFAB_BIN=/path/to/confab nothing is installed or built; confab-soak stands beside it.
EOF
}

die() { echo "fault.sh: $*" >&2; exit 2; }

preset=release
deps=yes
list=no
arguments=()
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --preset) preset=${2:?--preset needs a name}; shift ;;
    --json | --seed) arguments+=("$1" "${2:?$1 needs a value}"); shift ;;
    --short) ;;
    --list) list=yes; arguments+=("$1") ;;
    --long | --markdown) arguments+=("$1") ;;
    --no-deps) deps=no ;;
    -*) die "no option '$1'; see --help" ;;
    *) arguments+=("$1") ;;
    esac
    shift
done

case $preset in
release | asan | tsan) ;;
*) die "no preset '$preset' for this: release, asan or tsan" ;;
esac

if [ -z "${CONFAB_BIN:-}" ] && [ $list = no ]; then
    groups=(build run test)
    [ "$preset" != tsan ] || groups+=(lint)
    [ $deps = no ] || scripts/deps.sh "${groups[@]}"
    cmake --preset "$preset" >/dev/null
    cmake --build --preset "$preset" --target confab confab-soak
fi
export CONFAB_BIN=${CONFAB_BIN:-$PWD/build/$preset/confab}
export PYTHONDONTWRITEBYTECODE=1

launcher=()
if [ "$preset" != release ]; then
    export CONFAB_SLOW=1
    # ThreadSanitizer of older clangs cannot start where addresses are randomised by more than 28
    # bits; the programs inherit what setarch(8) sets.
    if [ "$preset" = tsan ] && setarch -R true 2>/dev/null; then
        launcher=(setarch -R)
    fi
fi
ulimit -Sn "$(ulimit -Hn)" || true # 10,000 connections take as many descriptors on either side

exec "${launcher[@]}" /usr/bin/python3 tests/fault ${arguments[@]+"${arguments[@]}"}
