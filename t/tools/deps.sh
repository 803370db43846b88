#!/bin/sh
# Installs the Debian packages that are missing, and only those: nothing that
# is installed already gets another version, unless UPGRADE=yes and there is no
# other way.  What apt says goes to build/deps.log.
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

build=$(cd "$(dirname "$0")/../.." && pwd)/build
log=$build/deps.log

mkdir -p "$build"
: > "$log"

apt()
{
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" < /dev/null
}

failed()
{
    tail -n 15 "$log" >&2
    echo "deps.sh: $1, all of it is in $log" >&2
    exit 1
}

# a source that does not answer is not yet a reason to give up
apt update >> "$log" 2>&1 || :


# What a newer package wants of those that are there, apt would upgrade.  Such
# packages are asked for in the version that goes with these.  A line of apt's
# plan is "Inst NAME [VERSION THAT IS THERE] (NEW VERSION ...".

wanted=$missing
round=0

while :; do
    apt -s install $wanted > "$log.plan" 2>> "$log" \
    || { cat "$log.plan" >> "$log"; failed "apt cannot install$wanted"; }

    upgrades=$(sed -n 's/^Inst \([^ ]*\) \[.*/\1/p' "$log.plan")
    [ -n "$upgrades" ] || break

    round=$((round + 1))

    # each that comes with the new version of one that is there
    older=$(awk '
        /^Inst / && $3 ~ /^\[/ { sub(/^\[/, "", $3); sub(/\]$/, "", $3)
                                 sub(/^\(/, "", $4); old[$4] = $3 }
        /^Inst / && $3 ~ /^\(/ { sub(/^\(/, "", $3); new[$2] = $3 }
        END { for (name in new) if (new[name] in old)
                  print name "=" old[new[name]] }' "$log.plan")

    if [ -z "$older" ] || [ $round -gt 5 ] \
       || ! apt -s install $wanted $older > /dev/null 2>> "$log"
    then
        if [ "$UPGRADE" = yes ]; then
            echo "upgrading" $upgrades
            break
        fi

        echo "deps.sh: what is missing would upgrade" $upgrades >&2
        echo "Nothing was installed.  Upgrade these yourself, or" \
             "say UPGRADE=yes, then again:" >&2
        echo "    apt-get install --only-upgrade" $upgrades >&2
        exit 1
    fi

    wanted="$wanted $older"
done

echo "installing $(grep -c '^Inst [^ ]* (' "$log.plan")" \
     "packages for$missing"
rm -f "$log.plan"


# Nothing that is installed here has to run as a service: a policy keeps
# nginx from being started (and from taking port 80) by its installation.

policy=/usr/sbin/policy-rc.d

if [ ! -e $policy ]; then
    trap '$sudo rm -f $policy' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
    $sudo chmod 755 $policy
fi

apt install $wanted >> "$log" 2>&1 || failed "apt has failed"
