#!/usr/bin/env bash
# Bun. See README.md in this folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bun=$here/node_modules/.bin/bun
# Where npm did not run the package's own installation.
"$bun" --version >/dev/null 2>&1 || (cd "$here/node_modules/bun" && node install.js >&2)
case ${1-} in
--version) echo "Bun $("$bun" --version)"; exit 0 ;;
'' | --help | -h) echo "Usage: ${0##*/} PORT REDIS_PORT DIR | --version"; exit 0 ;;
esac
export NODE_ENV=production
exec "$bun" "$here/bun.js" "$1" "$2"
