#!/usr/bin/env bash
# Makes a small Debian 12 in FOLDER, with everything fetched that PACKAGE and its tests need, and
# nothing of it installed. From there on no network is needed. Exit status 77: it cannot be fetched.
set -eu

usage() { echo "Usage: tests/package/debian.sh FOLDER PACKAGE"; }
case $# in
2) ;;
*) usage >&2; exit 2 ;;
esac
root=$1
log=$root.log
die() { printf '%s: %s\n%s\n' "${0##*/}" "$*" "$(tail -n 5 "$log")" >&2; exit 77; }

debs=$PWD/build/package/debs # a second run fetches less
mkdir -p "$debs"
debootstrap --variant=minbase --cache-dir="$debs" bookworm "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} \
    >"$log" 2>&1 || die "no fresh system from ${DEBIAN_MIRROR:-the mirror of debootstrap}"
cp -L /etc/resolv.conf "$root/etc/"
cp /etc/apt/apt.conf.d/*proxy* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
echo 'APT::Install-Recommends "false";' >"$root/etc/apt/apt.conf.d/90recommends"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # no services until there is systemd
chmod 755 "$root/usr/sbin/policy-rc.d"
cp "$2" "$root/confab.deb"
chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C sh -euc '
    apt-get update -q
    apt-get install -q -y --download-only /confab.deb
    apt-get install -q -y --download-only systemd-sysv dbus nftables' >>"$log" 2>&1 ||
    die "the packages that it needs cannot be fetched"
