#!/usr/bin/env bash
# Go with gorilla/websocket. See README.md in this folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
case ${1-} in
--version)
    echo "gorilla/websocket $(dpkg-query -W -f '${Version}' golang-github-gorilla-websocket-dev)," \
        "redigo $(dpkg-query -W -f '${Version}' golang-github-gomodule-redigo-dev)" \
        "on $(go env GOVERSION)"
    exit 0
    ;;
'' | --help | -h) echo "Usage: ${0##*/} PORT REDIS_PORT DIR | --version"; exit 0 ;;
esac
dir=$(cd "$3" && pwd)
# The distribution's packages are sources in a GOPATH, without modules.
(cd "$here/gorilla" && GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' go build -o "$dir/gorilla" .)
exec "$dir/gorilla" "$1" "$2"
