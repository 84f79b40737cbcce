#!/usr/bin/env bash
# Checks the form of everything that needs no running server.
set -eu
cd "$(dirname "$0")/.."

usage() {
    cat <<'EOF'
Usage: scripts/lint.sh [--fix | --fast] [--no-deps]

Runs clang-format, check-layers.sh, cppcheck, shellcheck, the type check of the page and a build
of the preset tidy (clang's thread roles, clang-tidy; warnings are errors). Exit status 1 when
one of them finds something.

  --fix       let clang-format rewrite the files, and do nothing else
  --fast      leave out the build of the preset tidy
  --no-deps   do not look for missing packages
  --help      this text
EOF
}

fast=no
fix=no
deps=yes
for arg in "$@"; do
    case $arg in
    --help | -h) usage; exit 0 ;;
    --fix) fix=yes ;;
    --fast) fast=yes ;;
    --no-deps) deps=no ;;
    *) echo "lint.sh: no option '$arg'; see --help" >&2; exit 2 ;;
    esac
done
[ $deps = no ] || scripts/deps.sh build test lint

files() { # PATTERN…
    local patterns=() pattern
    for pattern in "$@"; do
        patterns+=(-o -name "$pattern")
    done
    find . \( -path ./build -o -path ./.git -o -name node_modules -o -path ./data \) -prune \
        -o \( "${patterns[@]:1}" \) -type f -print | sort
}

mapfile -t c_files < <(files '*.c' '*.h')
mapfile -t sh_files < <({ files '*.sh'; printf '%s\n' .ci/run deploy/debian/p*; })

if [ $fix = yes ]; then
    clang-format -i "${c_files[@]}"
    exit 0
fi

status=0
check() { # NAME COMMAND…
    local name=$1
    shift
    if "$@"; then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        status=1
    fi
}

# The functions are called by check.
# shellcheck disable=SC2317
formatted() {
    local file status=0
    for file in "${c_files[@]}"; do
        if ! clang-format "$file" | cmp -s - "$file"; then
            echo "$file: not formatted: run scripts/lint.sh --fix"
            status=1
        fi
    done
    return "$status"
}

# shellcheck disable=SC2317
type_check() {
    (cd tests/e2e && npm ci --no-audit --no-fund --silent && npm run --silent check)
}

# shellcheck disable=SC2317
tidy() {
    cmake --preset tidy >/dev/null && cmake --build --preset tidy
}

check clang-format formatted
check layers scripts/check-layers.sh
# cppcheck does not see the loops in the macros of uthash (gcc, clang-tidy and the sanitizers do),
# and does not know that NULL is a pointer in C on every Linux.
check cppcheck cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr -j 2 \
    --enable=warning,performance,portability --suppress=missingIncludeSystem \
    --suppress=uninitvar --suppress=legacyUninitvar --suppress=varFuncNullUB -Iinclude src
check shellcheck shellcheck "${sh_files[@]}"
if grep -q '"check"' tests/e2e/package.json 2>/dev/null; then
    check 'type check of the page' type_check
fi
[ $fast = yes ] || check 'preset tidy' tidy
exit $status
