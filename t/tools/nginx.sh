#!/bin/sh
# Configures a plain nginx with nginx-rtmp linked statically, for tests, in
# directory/tree.
# Usage: nginx.sh directory static|asan
#
# static: for what Debian's nginx-rtmp, which is a dynamic module, cannot do,
# rtmp_auto_push.  It loads the module that Debian's nginx does, whose PCRE must
# be there, too, and has little else.
#
# asan: with the module as a dynamic one.  All of it has AddressSanitizer, and
# the module's own objects also UndefinedBehaviorSanitizer.

set -e

top=$(cd "$(dirname "$0")/../.." && pwd)
build=$top/build

mkdir -p "$1"
dir=$(cd "$1" && pwd)
mode=$2

if [ "$mode" = asan ]; then
    cc_opt="-O1 -fno-omit-frame-pointer -fsanitize=address"
    ld_opt="-fsanitize=address,undefined"
    modules="--with-http_stub_status_module --with-http_auth_request_module
             --with-http_realip_module --with-http_dav_module
             --with-http_slice_module --with-http_v2_module
             --add-dynamic-module=$top"

else
    cc_opt="-O0 -Wno-format-truncation"
    ld_opt=
    modules=$(printf ' --without-http_%s_module' access auth_basic autoindex \
        browser charset empty_gif fastcgi geo grpc gzip limit_conn limit_req \
        map memcached mirror proxy referer scgi split_clients ssi \
        userid uwsgi upstream_hash upstream_ip_hash upstream_keepalive \
        upstream_least_conn upstream_random upstream_zone)
fi

# configure writes a Makefile into the tree: each build has its own copy

rm -rf "$dir/tree"
cp -r "$build/src/nginx" "$dir/tree"

cd "$dir/tree"

# nginx-rtmp is not our code: its warnings stay warnings there

if ! ./configure \
        --prefix="$dir" \
        --sbin-path="$dir/nginx" \
        --modules-path="$dir" \
        --error-log-path=stderr \
        --with-cc-opt="$cc_opt" \
        --with-ld-opt="$ld_opt" \
        --with-compat \
        --with-debug \
        --with-threads \
        --with-http_ssl_module \
        --add-module="$build/src/nginx-rtmp" \
        $modules \
        > "$dir/configure.log" 2>&1
then
    tail -n 5 "$dir/configure.log" >&2
    exit 1
fi

cat << END >> objs/Makefile

objs/addon/nginx-rtmp/%.o: CFLAGS += -Wno-error

# for the debug log it dumps headers, and writes a zero behind the dump of one
# of 128 bytes or more
objs/addon/nginx-rtmp/ngx_rtmp_codec_module.o: CFLAGS += -DNGX_DEBUG=0
END

if [ "$mode" = asan ]; then
    cat << END >> objs/Makefile

objs/addon/core/%.o objs/addon/media/%.o objs/addon/net/%.o \
objs/addon/store/%.o \
objs/addon/catalogue/%.o objs/addon/format/%.o objs/addon/keep/%.o \
objs/addon/recorder/%.o objs/addon/deliver/%.o objs/addon/rtmp/%.o: \
    CFLAGS += -fsanitize=undefined

# nginx-rtmp's shared buffers stand 4 bytes behind their alignment
objs/addon/recorder/ngx_recording_intake_frame.o: \
    CFLAGS += -fno-sanitize=alignment
objs/addon/media/ngx_recording_batch.o: CFLAGS += -fno-sanitize=alignment

# every nginx module has an ngx_modules[], which is not a violation here
objs/%_modules.o: CFLAGS += -fno-sanitize=address
END
fi
