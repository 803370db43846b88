#!/bin/sh
# Fetches the source of a Debian package, as its authors released it, and
# unpacks it.  The source lists are made from the system's own entries and
# live in a directory of their own; the system's lists stay as they are.
# Usage: fetch.sh apt-directory package target-directory

set -e

export LC_ALL=C

mkdir -p "$1"
apt=$(cd "$1" && pwd)
package=$2
target=$3

rm -rf "$apt/parts" "$apt/$package"
mkdir -p "$apt/parts" "$apt/lists/partial" "$apt/cache/archives/partial" \
         "$apt/$package"

# deb -> deb-src, in both forms that apt knows

eval "$(apt-config shell list Dir::Etc::sourcelist/f \
                         dir Dir::Etc::sourceparts/d)"

n=0

for file in "$list" "$dir"/*.list "$dir"/*.sources; do
    [ -f "$file" ] || continue
    n=$((n + 1))

    case $file in

        *.sources)
            awk '
                function stanza()
                {
                    if (deb && !off) {
                        printf "Types: deb-src\n%s\n", text
                    }

                    text = ""; deb = 0; off = 0; skip = 0
                }

                /^[ \t]*$/  { stanza(); next }
                /^#/        { next }
                /^[^ \t]/   { skip = 0 }

                tolower($1) == "types:" {
                    for (i = 2; i <= NF; i++) { if ($i == "deb") deb = 1 }
                    skip = 1; next
                }

                tolower($1) == "enabled:" {
                    off = tolower($2) ~ /^(no|false|0|off)$/
                }

                tolower($1) ~ /^(architectures|targets):$/ { skip = 1; next }

                !skip       { text = text $0 "\n" }
                END         { stanza() }
            ' "$file" > "$apt/parts/$n.sources"
        ;;

        *)
            sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file" \
                > "$apt/parts/$n.list"
        ;;

    esac
done

cat << END > "$apt/apt.conf"
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/parts";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
APT::Sandbox::User "root";
END

# APT_CONFIG is read before the system's files: say it again, last

apt_get()
{
    APT_CONFIG="$apt/apt.conf" apt-get -q -o Dir::Etc::sourcelist=/dev/null \
        -o Dir::Etc::sourceparts="$apt/parts" "$@" < /dev/null
}

# entries without sources, or whose host does not answer, do not matter as
# long as one has the package

apt_get update > "$apt/log" 2>&1 || :

cd "$apt/$package"

if ! apt_get source --tar-only "$package" >> "$apt/log" 2>&1; then
    cat "$apt/log" >&2
    echo "fetch.sh: no source of $package" >&2
    exit 1
fi

cd - >/dev/null

tar=$(ls "$apt/$package"/*.orig.tar.*z*)

rm -rf "$target" "$target.new"
mkdir -p "$target.new"
tar xf "$tar" -C "$target.new" --strip-components=1
mv "$target.new" "$target"
