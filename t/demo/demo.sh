#!/bin/sh
# Shows what the module does: starts an nginx of its own, pushes a generated
# stream of 20 s, and shows and checks what was recorded.  On a terminal it
# serves the console until Ctrl-C, while two more streams are recorded.
# Usage: demo.sh build-directory
#
# DEMO_ADDRESS is the address to listen on, 127.0.0.1 if it is not set, and
# DEMO_SECONDS how long the stream is.

export LC_ALL=C

seconds=${DEMO_SECONDS:-20}
formats=4

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
dir=$build/demo
catalogue=$dir/store/catalogue.db
address=${DEMO_ADDRESS:-127.0.0.1}

nginx=
push=
failed=0
tty=

[ -t 0 ] && [ -t 1 ] && tty=1


die()
{
    echo "demo: $1" >&2
    [ -s "$dir/error.log" ] && grep -v -E '\[(notice|info)\]' \
        "$dir/error.log" | tail -n 20 >&2
    exit 1
}


wrong()
{
    echo "  WRONG: $1"
    failed=1
}


# the processes end with the demo, however it ends

finish()
{
    status=$?
    trap - EXIT

    for pid in $push $nginx; do
        kill "$pid" 2>/dev/null
    done

    wait
    exit $status
}

trap finish EXIT
trap 'exit 1' HUP INT TERM


# the port that is asked for, or any other one if it is taken

free_port()
{
    perl -MIO::Socket::INET -e '
        for my $port ($ARGV[1], 0) {
            my $s = IO::Socket::INET->new(Listen => 1, ReuseAddr => 1,
                LocalAddr => $ARGV[0], LocalPort => $port) or next;
            print $s->sockport(), "\n";
            exit 0;
        }
        exit 1' "$address" "$1"
}


query()
{
    sqlite3 -readonly -cmd '.timeout 5000' "$@"
}


# --- start

# its processes have the lock as long as they run

exec 9> "$build/demo.lock"

if ! flock -n 9; then
    echo "demo: one runs here already, Ctrl-C ends it" >&2
    exit 1
fi

rm -rf "$dir"
mkdir -p "$dir" || exit 1

rtmp_port=$(free_port 1935) || die "no free port on $address"
http_port=$(free_port 8080) || die "no free port on $address"

# The workers of an nginx that root starts run as www-data, and need to
# reach the store; below a private home directory they cannot.

user=

if [ "$(id -u)" = 0 ]; then
    user="user  www-data;"

    if ! runuser -u www-data -- test -x "$dir" 2>/dev/null; then
        user="user  root;"
    fi
fi

# the API is for this machine, whatever the address

local=

case $address in
    127.0.0.1|0.0.0.0) ;;
    *) local="listen  127.0.0.1:$http_port;"
esac

sed -e "s|@USER@|$user|" \
    -e "s|@LOCAL@|$local|" \
    -e "s|@DIR@|$dir|g" \
    -e "s|@BUILD@|$build|g" \
    -e "s|@MODULE@|$build/ngx_rtmp_recording_module.so|" \
    -e "s|@RTMP_MODULE@|/usr/lib/nginx/modules/ngx_rtmp_module.so|" \
    -e "s|@ADDRESS@|$address|g" \
    -e "s|@RTMP_PORT@|$rtmp_port|g" \
    -e "s|@HTTP_PORT@|$http_port|g" \
    "$here/nginx.conf.in" > "$dir/nginx.conf"

cp "$here/finished.sh" "$dir"

PATH=$PATH:/usr/sbin
nginx -p "$dir" -e error.log -c "$dir/nginx.conf" &
nginx=$!

n=0

until [ -s "$dir/nginx.pid" ]; do
    kill -0 $nginx 2>/dev/null || die "nginx did not start"
    n=$((n + 1))
    [ $n -lt 100 ] || die "nginx did not start in 10 s"
    sleep 0.1
done

server=http://$address:$http_port

echo "console: $server/console/"

if [ ! -s "$build/console/vendor/preact.js" ]; then
    echo "  (it cannot start without libraries that npm fetches: install npm," \
         "then again)"
fi

[ "$address" = 127.0.0.1 ] \
    || echo "  (works on this machine only, at http://127.0.0.1:$http_port/)"

[ "$tty" ] \
    || echo "  (it ends with this demo, which keeps it on a terminal only)"

echo "nginx runs in $dir, its configuration is nginx.conf there"

# what finished.sh prints, as long as nginx runs

tail --pid=$nginx -n +1 -f "$dir/error.log" \
    | sed -u -n 's|^.*/finished\.sh: ||p' &


# --- push

url=rtmp://$address:$rtmp_port/live/demo

# stream(url, picture, tone, options): the process becomes ffmpeg

stream()
{
    url=$1 picture=$2 tone=$3
    shift 3

    exec ffmpeg -nostdin -v error -re -f lavfi -i "$picture" \
        -re -f lavfi -i "sine=frequency=$tone:sample_rate=48000" "$@" \
        -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 60 \
        -c:a aac -b:a 128k -f flv "$url" < /dev/null
}

echo "pushing a test stream of $seconds s to $url"

stream "$url" testsrc2=size=1280x720:rate=30 440 -t $seconds -b:v 2M &
push=$!

wait $push || { push=; die "the push failed"; }
push=


# --- wait until the catalogue has every file finished, and told

n=0

until [ "$(query "$catalogue" "SELECT count(*) || ' ' ||
           sum(state = 'finished' AND told) FROM files" 2>/dev/null)" \
        = "$formats $formats" ]
do
    kill -0 $nginx 2>/dev/null || die "nginx ended"
    n=$((n + 1))

    if [ $n -gt 300 ]; then
        query -table "$catalogue" "SELECT path, format, state, told FROM files"
        die "the files are not finished after 30 s"
    fi

    sleep 0.1
done


# --- show

echo
echo "recorded, says src/recordings list --api $server/api/:"

"$here/../../src/recordings" list --api "http://127.0.0.1:$http_port/api/" \
    || wrong "the command recordings has failed"


# --- check each: what the catalogue says, what is there, what is served

near()
{
    [ -n "$1" ] && [ "$1" -ge $((seconds * 1000 - 1000)) ] \
                && [ "$1" -le $((seconds * 1000 + 1000)) ]
}

query -separator '|' "$catalogue" "
    SELECT format, duration_ms, size, play_url, path
    FROM files ORDER BY file_id" > "$dir/rows"

while IFS='|' read -r format duration size play path; do

    file=$dir/store/files/$path

    if [ ! -s "$file" ]; then
        wrong "there is no $file"
        continue
    fi

    streams="audio video"
    [ "$format" != aac ] || streams="audio"

    if [ "$format" != hls ] && [ "$(stat -c %s "$file")" != "$size" ]; then
        wrong "its size is $(stat -c %s "$file"), the catalogue has $size"
    fi

    near "$duration" || wrong "the catalogue has a duration of $duration ms"

    have=$(ffprobe -v error -show_entries stream=codec_type -of csv=p=0 \
           "$file" | grep -o -E 'audio|video' | sort -u | xargs)

    [ "$have" = "$streams" ] || wrong "it has $have, not $streams"

    # decoding everything tells the true duration of any format

    message=$(ffmpeg -nostdin -v error -xerror -progress "$dir/progress" \
              -i "$file" -f null - 2>&1 < /dev/null) \
    || message="${message:-it does not decode}"

    [ -z "$message" ] || wrong "$message"

    decoded=$(sed -n 's/^out_time_us=\([0-9]*\)$/\1/p' "$dir/progress" \
              | tail -n 1)

    near $((${decoded:-0} / 1000)) || wrong "its duration is ${decoded:-0} us"

    code=$(curl -s -o /dev/null -w '%{http_code}' "$play")

    [ "$code" = 200 ] || wrong "the server answers $code"

done < "$dir/rows"

rm -f "$dir/rows" "$dir/progress"

lines=$(grep -c '/finished\.sh: finished: ' "$dir/error.log")

[ "$lines" = $formats ] || wrong "$lines files of $formats were told"

if grep -q -E '\[(error|crit|alert|emerg)\]' "$dir/error.log"; then
    wrong "there are errors in $dir/error.log"
fi

echo

if [ $failed = 0 ]; then
    echo "Everything is as it was pushed: all files decode, none is short."
else
    echo "Something recorded is not right, see above and $dir/error.log."
fi


# --- serve

if [ ! "$tty" ]; then
    echo "The addresses have ended with it.  On a terminal they stay."
    exit $failed
fi

trap 'exit $failed' INT

live=rtmp://$address:$rtmp_port/live

stream "$live/camera" testsrc2=size=640x360:rate=15 330 -b:v 600k &
push=$!
stream "$live/concert" mandelbrot=size=640x360:rate=15 550 -b:v 900k &
push="$push $!"

echo "Two streams are live now, $live/camera and /concert."
echo "Look at $server/console/; push your own to $live/NAME."
echo "Ctrl-C ends it."
wait $nginx

exit $failed
