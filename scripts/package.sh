#!/usr/bin/env bash
# shellcheck disable=SC2016 # what is in single quotes belongs to the shell inside
# Makes the Debian package, and tries it in a fresh system.
set -eu
cd "$(dirname "$0")/.."

usage() {
    cat <<'EOT'
Usage: scripts/package.sh [--test] [--no-deps]

Builds build/package/confab_VERSION_ARCH.deb: the server as a service of systemd.

  --test      then try it in a fresh Debian 12 (debootstrap, in namespaces of its own; needs root,
              DEBIAN_MIRROR or that of debootstrap, two minutes and 1 GB of memory):
              installed, running, upgraded, removed and purged, without systemd and under one;
              exit status 77 where that Debian cannot be fetched
  --no-deps   do not look for missing packages
  --help      this text
EOT
}

test=no
deps=yes
for arg in "$@"; do
    case $arg in
    --help | -h) usage; exit 0 ;;
    --test) test=yes ;;
    --no-deps) deps=no ;;
    *) echo "package.sh: no option '$arg'; see --help" >&2; exit 2 ;;
    esac
done

say() { printf '\n== %s\n' "$*"; }
die() { printf 'package.sh: %s\n' "$*" >&2; exit 1; }

groups=(build package)
[ $test = no ] || groups+=(run test)
[ $deps = no ] || scripts/deps.sh "${groups[@]}"
contact=()
[ -z "${DEBEMAIL-}" ] || contact=("-DCPACK_PACKAGE_CONTACT=${DEBFULLNAME-} <$DEBEMAIL>")
cmake -S . -B build/package -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCONFAB_TESTS=OFF \
    -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_SYSCONFDIR=/etc "${contact[@]}" >/dev/null
cmake --build build/package -j "$(nproc)"
rm -f build/package/*.deb
(cd build/package && cpack >/dev/null)
package=$(echo build/package/*.deb)
say "$package"
dpkg-deb --info "$package" | sed -n '/Package:/,$p'
[ $test = yes ] || exit 0

# ---- a fresh system, which sees nothing of this one

[ "$(id -u)" = 0 ] || die "--test needs root"
system=$PWD/build/package/system
mkdir -p "$system"
say "a fresh Debian 12, in memory"
# In namespaces of its own: whatever ends this, the system, its mounts and its processes go with it.
# Nothing that runs in it sees the /run of this machine, nor a network behind what was fetched.
exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc bash -euc '
    mount -t tmpfs -o mode=755,size=3g tmpfs "$1"
    tests/package/debian.sh "$1/root" "$2"
    mount -t tmpfs tmpfs /run
    export CONFAB_DEBIAN=$1/root CONFAB_BIN=$PWD/build/package/confab
    export PYTHONDONTWRITEBYTECODE=1 PATH=$PATH:/usr/sbin:/sbin
    exec unshare --net bash -euc "ip link set lo up; exec \"\$@\"" bash \
        /usr/bin/python3 -m pytest -q -p no:cacheprovider --durations=5 tests/package
' bash "$system" "$package"
