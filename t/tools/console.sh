#!/bin/sh
# Makes the console: its own files, and the libraries that npm has for it.
# Usage: console.sh source-directory build-directory target-directory
#
# Without npm, or if it cannot get them, that is said, and the page says it,
# too; the next make tries again, as the mark that all is there is missing.

set -e

source=$1
build=$2
target=$3

rm -rf "$target.new"
mkdir -p "$build" "$target.new/vendor"
cp "$source"/*.html "$source"/*.css "$source"/*.js "$source"/*.svg \
    "$target.new"
cp "$source/package.json" "$source/package-lock.json" "$build"

missing=

if ! command -v npm > /dev/null; then
    missing='there is no npm'
elif ! npm ci --prefix "$build" --ignore-scripts --no-audit --no-fund \
           > "$build/npm.log" 2>&1; then
    missing="npm failed, see $build/npm.log"
else
    cd "$build/node_modules"
    cp htm/preact/standalone.module.js "$target.new/vendor/preact.js"
    cp hls.js/dist/hls.min.mjs "$target.new/vendor/hls.js"
    cp hls.js/dist/hls.worker.js mpegts.js/dist/mpegts.js \
        @picocss/pico/css/pico.min.css "$target.new/vendor"

    # the maps for debugging are left out, so they are not named either
    sed -i '/^\/\/# sourceMappingURL=/d' "$target.new"/vendor/*.js
fi

rm -rf "$target"
mv "$target.new" "$target"

if [ -n "$missing" ]; then
    echo "the console has no players, and cannot start: $missing" \
         "(install npm, then: make console)"
else
    touch "$build/complete"
fi
