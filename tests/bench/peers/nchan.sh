#!/usr/bin/env bash
# nginx with nchan. See README.md in this folder.
set -eu
module=/usr/lib/nginx/modules/ngx_nchan_module.so
case ${1-} in
--version)
    echo "nchan $(dpkg-query -W -f '${Version}' libnginx-mod-nchan) in $(nginx -v 2>&1 | sed 's/.*: //')"
    exit 0
    ;;
'' | --help | -h) echo "Usage: ${0##*/} PORT REDIS_PORT DIR | --version"; exit 0 ;;
esac
port=$1
redis_port=$2
dir=$(cd "$3" && pwd)

# nginx listens whether Redis is there or not.
until (exec 3<>"/dev/tcp/127.0.0.1/$redis_port") 2>/dev/null; do sleep 0.1; done

# A worker that root starts would become nobody, who may not write into the folder.
user=
[ "$(id -u)" != 0 ] || user="user $(id -un) $(id -gn);"

# As many connections as this process may have.
files=$(ulimit -Hn)
[ "$files" != unlimited ] || files=1048576

location() {
    cat <<EOF
        location ~ ^/$1/([A-Za-z0-9_.-]+)$ {
            nchan_pubsub websocket;
            nchan_redis_pass redis; # not inherited from the server
            nchan_channel_id \$1;
            nchan_subscriber_first_message $2;
        }
EOF
}

cat >"$dir/nginx.conf" <<EOF
load_module $module;
daemon off;
worker_processes 1;
worker_rlimit_nofile $files;
$user
pid $dir/nginx.pid;
error_log $dir/error.log warn;
events {
    worker_connections $files;
    multi_accept on;
}
http {
    access_log off;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;
    upstream redis {
        nchan_redis_server 127.0.0.1:$redis_port;
        nchan_redis_storage_mode distributed;
    }
    server {
        listen 127.0.0.1:$port backlog=4096;
        nchan_message_buffer_length 100;
        nchan_message_timeout 1d;
$(location ws newest)
$(location resume oldest)
    }
}
EOF
exec nginx -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf"
