#!/usr/bin/env bash
# Installs the distribution's packages that confab needs.
set -eu

usage() {
    cat <<'EOF'
Usage: scripts/deps.sh [--check | --list] [GROUP]…

Installs what is missing of the Debian or Ubuntu packages of each GROUP:
  build   compiler, CMake and the libraries confab is linked with
  run     redis-server, for confab's own private Redis
  test    what unit, integration and browser tests need
  peers   what the servers of tests/bench/peers and the plots of the comparison need
  package what makes the Debian package and tries it in a fresh system
  lint    clang and the other tools of scripts/lint.sh and of the presets tsan, tidy, fuzz
Without a GROUP: build and run.

  --check   install nothing; exit 1 and name the packages when some are missing
  --list    install nothing; print the packages of the groups
  --help    this text

Needs root or sudo only when something is missing. Services that a package brings along
(redis-server, nginx, avahi-daemon) are neither started nor enabled: only their programs are wanted.
EOF
}

say() { printf '%s\n' "$*" >&2; }
die() { say "deps.sh: $*"; exit 1; }

# One package per word; package:command is there when the command is, whoever installed it.
packages_of() {
    case $1 in
    build)
        echo cmake:cmake ninja-build:ninja gcc:gcc libc6-dev pkg-config:pkg-config \
            gzip:gzip esbuild:esbuild zopfli:zopfli \
            libwebsockets-dev libwebsockets-evlib-ev libev-dev libhiredis-dev libevent-dev \
            libjansson-dev libunistring-dev libicu-dev libsodium-dev libjwt-dev libsqlite3-dev \
            uthash-dev libssl-dev libmagic-dev libqrencode-dev libavahi-client-dev libsystemd-dev
        ;;
    run) echo redis-server:redis-server ;;
    test)
        echo redis-server:redis-server redis-tools:redis-cli libcmocka-dev python3 python3-pytest \
            python3-pytest-timeout python3-pytest-xdist python3-websockets python3-redis \
            nginx-light:nginx procps:ps sqlite3:sqlite3 python3-venv iproute2:ip iptables:iptables \
            openssl:openssl curl:curl libnss3-tools:certutil valgrind:valgrind nodejs:node npm:npm \
            dbus:dbus-daemon avahi-daemon avahi-utils:avahi-resolve libnss-mdns faketime:faketime \
            nftables:nft ufw:ufw firewalld:firewall-cmd systemd:systemd-socket-activate \
            fonts-noto-color-emoji
        [ -n "$(browser)" ] || ! is_debian || echo chromium
        ;;
    peers)
        echo golang-go:go golang-github-gorilla-websocket-dev golang-github-gomodule-redigo-dev \
            nginx:nginx libnginx-mod-nchan nodejs:node npm:npm python3-matplotlib
        ;;
    package)
        echo dpkg-dev:dpkg-shlibdeps debootstrap:debootstrap lintian:lintian \
            systemd-container:systemd-nspawn
        ;;
    lint)
        echo clang:clang libclang-rt-dev clang-tidy:clang-tidy clang-format:clang-format \
            cppcheck:cppcheck shellcheck:shellcheck
        ;;
    *) die "no group '$1'; see --help" ;;
    esac
}

is_debian() { grep -q '^ID=debian' /etc/os-release; }

# A browser for the browser tests; on Ubuntu it is a snap and no package.
browser() {
    command -v chromium || command -v chromium-browser || command -v google-chrome || true
}

is_installed() {
    case $1 in
    *:*) command -v "${1#*:}" >/dev/null ;;
    *) dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed ;;
    esac
}

missing_of() {
    local group item
    for group in "$@"; do
        for item in $(packages_of "$group"); do
            is_installed "$item" || printf '%s\n' "${item%%:*}"
        done
    done | sort -u
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "packages are missing and this is neither root nor is sudo installed.
Run this as root:  apt-get update && apt-get install --no-install-recommends $(echo "$missing" | tr '\n' ' ')"
    fi
}

# Debian starts a service as soon as its package is installed, unless this file forbids it.
readonly policy=/usr/sbin/policy-rc.d
forbid_services() {
    [ ! -e $policy ] || return 0
    # shellcheck disable=SC2016 # $1 belongs to the inner shell
    as_root sh -c 'printf "#!/bin/sh\nexit 101\n" >"$1" && chmod 755 "$1"' sh $policy
    trap 'as_root rm -f $policy' EXIT
}

disable_services() {
    command -v systemctl >/dev/null && [ -d /run/systemd/system ] || return 0
    local package
    for package in $missing; do
        case $package in
        redis-server) as_root systemctl disable --quiet redis-server.service ;;
        avahi-daemon) as_root systemctl disable --quiet avahi-daemon.socket avahi-daemon.service ;;
        nginx | nginx-light) as_root systemctl disable --quiet nginx.service ;;
        firewalld | nftables | ufw) as_root systemctl disable --quiet "$package.service" ;;
        esac
    done
}

install() {
    # shellcheck disable=SC2086 # a list of packages
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --quiet --no-install-recommends $missing
}

action=install
groups=()
for arg in "$@"; do
    case $arg in
    --help | -h) usage; exit 0 ;;
    --check) action=check ;;
    --list) action=list ;;
    -*) die "no option '$arg'; see --help" ;;
    *) packages_of "$arg" >/dev/null; groups+=("$arg") ;;
    esac
done
[ ${#groups[@]} -gt 0 ] || groups=(build run)

if [ $action = list ]; then
    for group in "${groups[@]}"; do
        for item in $(packages_of "$group"); do
            printf '%s\n' "${item%%:*}"
        done
    done | sort -u
    exit 0
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    die "this is neither Debian nor Ubuntu: install yourself what matches $(packages_of build)"
fi

missing=$(missing_of "${groups[@]}")
case " ${groups[*]} " in
*" test "*)
    if [ -z "$(browser)" ] && ! is_debian; then
        if [ $action = install ] && command -v snap >/dev/null; then
            as_root snap install chromium
        else
            say "deps.sh: no browser for the browser tests: 'snap install chromium', or install google-chrome"
        fi
    fi
    ;;
esac
[ -n "$missing" ] || exit 0
if [ $action = check ]; then
    die "missing: $(echo "$missing" | tr '\n' ' ')"
fi

say "deps.sh: installing $(echo "$missing" | tr '\n' ' ')"
as_root apt-get update --quiet
forbid_services
install || die "apt-get could not install them. On Ubuntu the component 'universe' must be enabled
(add-apt-repository universe)."
disable_services
