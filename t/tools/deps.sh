#!/bin/sh
# Installs the Debian packages that are missing, and only those.
# Usage: deps.sh package...

set -e

export LC_ALL=C

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "deps.sh: this is not a Debian system, see docs/install.md" >&2
    exit 1
fi

missing=

for pkg in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$pkg" 2>/dev/null || :)

    if [ "$status" != installed ]; then
        missing="$missing $pkg"
    fi
done

if [ -z "$missing" ]; then
    exit 0
fi

if [ "$(id -u)" = 0 ]; then
    sudo=

elif command -v sudo >/dev/null; then
    sudo=sudo

else
    echo "deps.sh: run as root: apt-get install$missing" >&2
    exit 1
fi

echo "installing:$missing"

# Nothing that is installed here has to run as a service: a policy keeps
# nginx from being started (and from taking port 80) by its installation.

policy=/usr/sbin/policy-rc.d

if [ ! -e $policy ]; then
    trap '$sudo rm -f $policy' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
    $sudo chmod 755 $policy
fi

apt()
{
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=300 "$@" < /dev/null
}

# a source that does not answer is not yet a reason to give up
apt update || :
apt install --no-install-recommends $missing
