#!/bin/sh
# Have a Chromium for the tests that look at pages. Where it cannot be installed, say how; those tests are skipped then.
set -eu

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    printf 'browser: installing chromium\n'
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; then
        exit 0
    fi
fi
printf 'browser: there is no chromium, so tests of pages are skipped; on Debian: apt-get install chromium\n' >&2
