#!/bin/sh
# Lints the protocol, and fails when it would break whoever speaks the frozen one: `make protocol`.
# buf comes as a binary in a package of npm's. Where npm is missing there is nothing to run, and that is said.
set -eu
cd "$(dirname "$0")"
version=1.75.0
place=../../.venv/buf-$version

if ! command -v npm >/dev/null 2>&1 || ! command -v node >/dev/null 2>&1; then
    echo "protocol: not linted, npm is missing; install Node.js 18 or newer to have buf check registry.proto"
    exit 0
fi
if [ ! -x "$place/node_modules/.bin/buf" ]; then
    mkdir -p "$place"
    if ! npm install --ignore-scripts --no-package-lock --no-audit --no-fund --silent --prefix "$place" \
        "@bufbuild/buf@$version"; then
        rm -rf "$place"
        echo "protocol: not linted, npm could not install @bufbuild/buf@$version; say 'make protocol' when it can"
        [ -z "${CI:-}" ] || exit 1
        exit 0
    fi
fi
"$place/node_modules/.bin/buf" lint
"$place/node_modules/.bin/buf" breaking --against frozen
echo "protocol: linted, and nothing in it breaks whoever speaks the frozen one"
