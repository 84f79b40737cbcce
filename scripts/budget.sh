#!/usr/bin/env bash
# Counts what a message costs in instructions, and compares with a budget: see --help.
set -eu

usage() {
    cat <<'USAGE'
Usage: scripts/budget.sh [--update | --explain PATH] [--build DIR]

Builds the release preset, runs confab-budget under callgrind (half a minute) and compares the
instructions and allocations of each hot path with tests/budget/budget.txt.

  --update        write what was counted into that file
  --explain PATH  print which functions that path goes to, instead
  --build DIR     count the program in DIR and build nothing
  --help          print this

A count that is more than 5 % (or 20 instructions) above its budget fails; so does any allocation
more. One that is as much below is reported: its budget can be lowered. Instructions are compared
only with those of the same compiler and libraries, allocations with those of the same libraries:
the line `with` of the file names them.

Exit status: 0 all is within the budget, 1 something is not, 2 it could not run.
USAGE
}

die() {
    echo "budget.sh: $*" >&2
    exit 2
}

build='' args=()
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --update) args+=(--update) ;;
    --explain) [ $# -gt 1 ] || die "no value behind $1"; args+=("$1" "$2"); shift ;;
    --build) [ $# -gt 1 ] || die "no value behind $1"; build=$2; shift ;;
    *) die "no such option: $1 (see --help)" ;;
    esac
    shift
done

cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || die 'valgrind is not installed: run scripts/deps.sh test'
if [ -z "$build" ]; then
    build=build/release
    cmake --preset release >/dev/null || die 'cannot configure: run scripts/deps.sh'
    cmake --build --preset release --target confab-budget >&2 || die 'cannot build'
fi
[ -x "$build/confab-budget" ] || die "there is no $build/confab-budget"

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

# The same functions of glibc on every processor: it chooses among several of each by what the
# processor can do. (ERMS also because callgrind counts `rep movsb` once for each byte.) Symbols
# are bound at the start, or the first call of each would count the search for it.
features=-AVX512F,-AVX512VL,-AVX2,-AVX,-AVX_Fast_Unaligned_Load,-SSE4_2,-SSE4_1,-SSSE3,-ERMS,-FSRM,-RTM
env -i PATH="$PATH" LD_BIND_NOW=1 GLIBC_TUNABLES="glibc.cpu.hwcaps=$features" \
    valgrind --tool=callgrind --collect-atstart=no --callgrind-out-file="$folder/out" \
    "$build/confab-budget" >"$folder/counts" 2>"$folder/errors" || {
    cat "$folder/errors" >&2
    die 'confab-budget did not finish'
}
# ${args[@]+…}: bash 4.3 calls an empty array unset
python3 tests/budget/compare.py "$folder" tests/budget/budget.txt ${args[@]+"${args[@]}"}
