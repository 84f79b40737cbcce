#!/usr/bin/env bash
# Node with socket.io. See README.md in this folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
case ${1-} in
--version) exec node "$here/version.js" socket.io @socket.io/redis-adapter redis ;;
'' | --help | -h) echo "Usage: ${0##*/} PORT REDIS_PORT DIR | --version"; exit 0 ;;
esac
export NODE_ENV=production
exec node "$here/socketio.js" "$1" "$2"
