#!/usr/bin/env bash
# shellcheck disable=SC2016 # what is in single quotes belongs to the shell inside
# Makes the Debian package, and tries it in a fresh system.
set -eu
cd "$(dirname "$0")/.."

usage() {
    cat <<'EOT'
Usage: scripts/package.sh [--test] [--no-deps]

Builds build/package/confab_VERSION_ARCH.deb: the server as a service of systemd.

  --test      then install it in a fresh Debian 12 (debootstrap; needs root and a Debian mirror, a
              few minutes and 600 MB in build/), let it run and answer, remove it, purge it
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

[ $deps = no ] || scripts/deps.sh build run
is_there() { command -v "$1" >/dev/null || die "this needs $2: apt-get install $2"; }
is_there dpkg-shlibdeps dpkg-dev
cmake -S . -B build/package -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCONFAB_TESTS=OFF \
    -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_SYSCONFDIR=/etc >/dev/null
cmake --build build/package -j "$(nproc)"
rm -f build/package/*.deb
(cd build/package && cpack >/dev/null)
package=$(echo build/package/*.deb)
say "$package"
dpkg-deb --info "$package" | sed -n '/Package:/,$p'
[ $test = yes ] || exit 0

# ---- a fresh system, which sees nothing of this one

[ "$(id -u)" = 0 ] || die "--test needs root"
is_there debootstrap debootstrap
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
root=$PWD/build/chroot
[ ! -e "$root" ] || die "$root is there already: remove it"
trap 'rm -rf --one-file-system "$root"' EXIT
say "debootstrap"
debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" 2>&1 ||
    die "no fresh system from $mirror: $(tail -n 1 "$root.log")"
cp /etc/resolv.conf "$root/etc/"
[ ! -d /etc/apt/apt.conf.d ] || cp -n /etc/apt/apt.conf.d/*proxy* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # no services here
chmod 755 "$root/usr/sbin/policy-rc.d"
cp "$package" "$root/confab.deb"

# Its mounts and processes end with the command.
inside() {
    unshare --mount --pid --fork --kill-child --ipc --uts bash -c '
        set -eu
        mount -t proc proc "$1/proc"
        mount -t tmpfs tmpfs "$1/tmp"
        exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
            LC_ALL=C HOME=/root bash -euc "$2"' bash "$root" "$1"
}

say "install"
inside 'apt-get update -q; apt-get install -y -q --no-install-recommends /confab.deb' >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log"; die "it cannot be installed"; }
say "run"
unshare --net bash -c "ip link set lo up; $(declare -f inside); root=$root; inside '
    test \"\$(stat -c %U:%G:%a /etc/confab.env)\" = root:confab:640
    test -e /etc/systemd/system/multi-user.target.wants/confab.service
    confab --version
    confab-firewall --help >/dev/null
    install -d -o confab -g confab -m 700 /var/lib/confab
    export ENV_FILE=/etc/confab.env
    setpriv --reuid confab --regid confab --clear-groups confab >/tmp/out 2>&1 &
    for _ in \$(seq 100); do
        if confab --check-health; then break; fi
        sleep 0.1
    done
    confab --check-health
    test -S /var/lib/confab/redis.sock
    kill \$!
    wait \$! || { cat /tmp/out; exit 1; }
'" || die "it does not run"
say "remove and purge"
inside '
    apt-get remove -y -q confab
    test ! -e /usr/bin/confab
    test -e /etc/confab.env && test -e /var/lib/confab/appendonlydir
    apt-get purge -y -q confab
    if dpkg -s confab 2>/dev/null; then exit 1; fi
    for left in /etc/confab.env /var/lib/confab /etc/systemd/system/multi-user.target.wants/confab.service; do
        if [ -e $left ] || [ -L $left ]; then echo "$left is left"; exit 1; fi
    done
    if getent passwd confab; then exit 1; fi' >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log"; die "it does not go cleanly"; }
say "installed, ran, removed and purged"
