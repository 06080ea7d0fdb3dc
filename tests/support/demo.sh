#!/usr/bin/env bash
# demo.sh BINARY COMMAND [ARGUMENT…]: runs a command while the binary serves a new demo database on a free port.
#
# The command finds the server's address in DIGLOT_DEMO_URL and the admin secret in DIGLOT_AUTH_ADMIN_SECRET. Exit code:
# the command's, or 1 if the server does not start, or does not end cleanly when it is told to.
set -euo pipefail

(($# >= 2)) || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
binary=$(realpath "$1")
shift

start_limit=30    # seconds until the address must be there
stop_limit=15     # seconds from SIGTERM to the end
command_limit=600 # seconds for the command

folder=$(mktemp --directory "${TMPDIR:-/tmp}/diglot-demo.XXXXXX")
log=$folder/server.log
server=

# Ends the server; fails if it has to be killed or reports a failure of its own.
stop_server() {
    local pid=$server status=0
    [[ -n $pid ]] || return 0
    server=
    kill -TERM "$pid" 2>/dev/null || true
    local deadline=$((SECONDS + stop_limit))
    while kill -0 "$pid" 2>/dev/null; do
        ((SECONDS < deadline)) || { kill -KILL "$pid" || true; break; }
        sleep 0.05
    done
    wait "$pid" 2>/dev/null || status=$?
    ((status == 0)) || { echo "the server ended with exit code $status after SIGTERM" >&2; return 1; }
}

clean_up() {
    local status=$?
    trap - EXIT
    stop_server || status=$((status == 0 ? 1 : status))
    if ((status != 0)); then
        echo "--- what the server wrote:" >&2
        cat "$log" >&2
    fi
    rm -rf "$folder"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Configured by nothing but this script: no variable, no file of the caller.
for name in ${!DIGLOT_@} DATABASE_URL; do
    [[ $name == DIGLOT_TEST_* ]] || unset "$name"
done
DIGLOT_AUTH_ADMIN_SECRET=$(od --address-radix=n --format=x1 --read-bytes=16 /dev/urandom | tr -d ' \n')
export DIGLOT_AUTH_ADMIN_SECRET
touch "$log"
(
    cd "$folder"
    for name in ${!DIGLOT_TEST_@}; do unset "$name"; done
    exec "$binary" serve --listen 127.0.0.1:0
) </dev/null >"$log" 2>&1 &
server=$!

deadline=$((SECONDS + start_limit))
until DIGLOT_DEMO_URL=$(grep --only-matching --max-count=1 -E 'http://127\.0\.0\.1:[1-9][0-9]*' "$log" | head -n 1); do
    if ! kill -0 "$server" 2>/dev/null; then
        server=
        echo "the server ended before it said where it listens" >&2
        exit 1
    fi
    ((SECONDS < deadline)) || { echo "the server named no address within $start_limit s" >&2; exit 1; }
    sleep 0.05
done
export DIGLOT_DEMO_URL
timeout --foreground "$command_limit" "$@"
