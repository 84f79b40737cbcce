#!/usr/bin/env bash
# Installs, builds and runs the tests of confab.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'EOF'
Usage: scripts/test.sh [--unit] [--integration] [--e2e] [--api] [--preset NAME] [--no-deps]
                       [-- ARGS…]

Installs what is missing (scripts/deps.sh), builds, and runs the unit tests (ctest), the
integration tests (pytest, a real server and a real Redis), the browser tests (node, headless
Chromium) and those of the REST side against public/openapi.json (schemathesis, from PyPI into
build/api; where PyPI cannot be reached they count as one skipped). The last line says how many
passed and failed; the exit status is 0 when none failed and every part could run.

  --unit, --integration, --e2e, --api   only these parts
  --preset NAME                  release (default), debug, asan or tsan
  --no-deps                      do not look for missing packages
  -- ARGS…                       go to pytest: -- -k resume
  --help                         this text
EOF
}

preset=release
parts=()
deps=yes
pytest_args=()
while [ $# -gt 0 ]; do
    case $1 in
    --unit | --integration | --e2e | --api) parts+=("${1#--}") ;;
    --preset) preset=${2:?--preset needs a name}; shift ;;
    --no-deps) deps=no ;;
    --help | -h) usage; exit 0 ;;
    --) shift; pytest_args=("$@"); break ;;
    *) echo "test.sh: no option '$1'; see --help" >&2; exit 2 ;;
    esac
    shift
done
[ ${#parts[@]} -gt 0 ] || parts=(unit integration e2e api)

build=$PWD/build/$preset
export CONFAB_BIN=$build/confab
export PYTHONDONTWRITEBYTECODE=1

passed=0
failed=0
skipped=0
# Adds up what a runner reported. A part that ended with an error but reports no failure could
# not run, which is one.
count() { # NAME STATUS RUNNER FILE
    local p=0 f=0 s=0
    if [ -s "$4" ]; then
        read -r p f s < <(/usr/bin/python3 tests/support/count.py "$3" "$4")
    fi
    if [ "$f" = 0 ] && { [ "$2" != 0 ] || [ $((p + s)) = 0 ]; }; then
        echo "test.sh: the $1 tests could not run to their end (exit status $2)" >&2
        f=1
    fi
    echo "== $1 ($preset): $p passed, $f failed, $s skipped"
    passed=$((passed + p))
    failed=$((failed + f))
    skipped=$((skipped + s))
}

heading() { printf '\n== %s\n' "$*"; }

prepare() {
    if [ $deps = yes ]; then
        local groups=(build run test)
        [ "$preset" != tsan ] || groups+=(lint)
        scripts/deps.sh "${groups[@]}" || return
    fi
    cmake --preset "$preset" && cmake --build --preset "$preset"
}

# ThreadSanitizer of older clangs cannot start where addresses are randomised by more than 28
# bits; the programs inherit what setarch(8) sets.
launcher=()
if [ "$preset" = tsan ] && setarch -R true 2>/dev/null; then
    launcher=(setarch -R)
fi

run_unit() {
    rm -f "$build/unit.xml"
    local status=0
    ctest --preset "$preset" --parallel 2 --output-junit "$build/unit.xml" \
        --test-output-size-passed 200000 --test-output-size-failed 200000 || status=$?
    count unit $status ctest "$build/unit.xml"
}

# Most of what a test does is wait.
at_once=4
# Sanitizers make everything slower: longer deadlines, each pump mode once, and not the tests of
# the firewall script, which do not run the server.
if [ "$preset" = asan ] || [ "$preset" = tsan ]; then
    export CONFAB_SLOW=1
    at_once=2
    export CONFAB_MATRIX=${CONFAB_MATRIX-threads-2 shared-1 auto-2}
    [ ${#pytest_args[@]} -gt 0 ] || pytest_args=(--ignore=tests/integration/test_firewall.py)
fi

run_integration() {
    rm -f "$build/integration.xml"
    local status=0
    "${launcher[@]}" /usr/bin/python3 -m pytest -q -p no:cacheprovider --numprocesses $at_once \
        --dist loadfile tests/integration tests/bench/compare \
        --junitxml="$build/integration.xml" "${pytest_args[@]}" || status=$?
    count integration $status pytest "$build/integration.xml"
}

run_e2e() {
    local status=0
    (cd tests/e2e && npm ci --no-audit --no-fund && "${launcher[@]}" npm test) 2>&1 |
        tee "$build/e2e.log" || status=$?
    count e2e $status node "$build/e2e.log"
}

# Once for each version of the requirements.
prepare_api() {
    local wanted=tests/api/requirements.txt
    ! cmp -s $wanted build/api/requirements.txt || return 0
    rm -rf build/api
    /usr/bin/python3 -m venv --system-site-packages build/api &&
        build/api/bin/pip install --quiet --disable-pip-version-check --retries 1 --timeout 15 \
            -r $wanted &&
        cp $wanted build/api/requirements.txt
}

run_api() {
    local status=0
    if ! prepare_api; then
        echo "test.sh: no schemathesis from PyPI: the REST side is not held against openapi.json" >&2
        echo "== api ($preset): 0 passed, 0 failed, 1 skipped"
        skipped=$((skipped + 1))
        return
    fi
    rm -f "$build/api.xml"
    "${launcher[@]}" build/api/bin/python -m pytest -q -p no:cacheprovider tests/api \
        --junitxml="$build/api.xml" || status=$?
    count api $status pytest "$build/api.xml"
}

heading "build ($preset)"
if prepare; then
    for part in "${parts[@]}"; do
        heading "$part tests ($preset)"
        "run_$part"
    done
else
    echo "test.sh: the build failed" >&2
    failed=1
fi

echo
if [ $skipped -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ $failed = 0 ]
