#!/bin/sh
# Unpacks Debian's package nginx-dev, the headers of nginx, without installing
# it: it would bring 150 others, for modules that are of no use here.
# Usage: headers.sh version target-directory

set -e

export LC_ALL=C

if [ -z "$1" ]; then
    echo "headers.sh: Debian's nginx is not installed: run \"make deps\"," \
         "or see docs/install.md" >&2
    exit 1
fi

rm -rf "$2" "$2.new"
mkdir -p "$2.new"
cd "$2.new"

# apt's own user may not write here
if ! apt-get -q -o APT::Sandbox::User=root download "nginx-dev=$1" \
     > log 2>&1; then
    cat log >&2
    echo "headers.sh: there is no nginx-dev $1, of which nginx is:" \
         "\"apt-get install nginx nginx-dev\" brings both to one version" >&2
    exit 1
fi

dpkg-deb -x nginx-dev_*.deb .
mv "$2.new" "$2"
