#!/usr/bin/env bash
# A PostgreSQL cluster of one's own: on a free port, in a temporary folder, gone after `stop`.
#
#   eval "$(tests/support/postgres.sh start)"    exports DIGLOT_TEST_POSTGRES, …_FOLDER and …_BIN
#   tests/support/postgres.sh stop               ends the server and removes its folder
#
# `start FOLDER` puts the cluster into FOLDER, which must not exist yet; `stop FOLDER` ends that one;
# `pause FOLDER` ends the server and keeps its data; `resume FOLDER` starts it again on the same port.
# `find` prints the folder of the server binaries that would be used, or fails; `has EXTENSION` tells whether that server
# can install an extension.
set -euo pipefail
unset "${!PG@}" # settings of the caller's clients

oldest_version=14
marker=.diglot-test-cluster

# On failure standard output says `false`, so that the caller's eval fails too.
fail() {
    echo "postgres.sh: $*" >&2
    [[ ${command:-} != start ]] || echo false
    exit 1
}

# The newest server below the folder where Debian keeps them, else the one on PATH.
find_binaries() {
    local candidates=() folder version
    mapfile -t candidates < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort --version-sort --reverse)
    if command -v initdb >/dev/null; then
        candidates+=("$(dirname "$(readlink -f "$(command -v initdb)")")")
    fi
    for folder in "${candidates[@]}"; do
        [[ -x $folder/initdb && -x $folder/pg_ctl && -x $folder/postgres ]] || continue
        version=$("$folder/postgres" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
        if ((version >= oldest_version)); then
            echo "$folder"
            return
        fi
    done
    return 1
}

# The file of an extension, in the server's own folder of such things.
has() {
    local binaries
    binaries=$(find_binaries) || return 1
    [[ -f $("$binaries/pg_config" --sharedir)/extension/$1.control ]]
}

# initdb and the server refuse to run as root; then the folder belongs to another user, who runs them.
server_user() {
    if id -u postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

# Runs a command as the user of the server, in the cluster's folder: the caller's may be closed to that user.
as_server_user() (
    cd "$folder"
    if ((EUID != 0)); then exec "$@"; fi
    local user
    user=$(server_user)
    exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --inh-caps=-all \
        env HOME="$folder" "$@"
)

# A port that was free a moment ago; whoever takes it in between makes the start fail, and another is tried.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start() {
    if [[ -z ${1:-} && -f ${DIGLOT_TEST_POSTGRES_FOLDER:-}/data/postmaster.pid ]]; then
        print_exports # the shell's cluster runs already
        return
    fi
    binaries=$(find_binaries) || fail "no PostgreSQL server $oldest_version or newer: install the apt package postgresql"
    folder=${1:-$(mktemp --dry-run "${TMPDIR:-/tmp}/diglot-postgres.XXXXXX")}
    # The name of a socket holds 107 bytes, and ".s.PGSQL.65535" is the longest that the server puts here.
    ((${#folder} <= 90)) || fail "the folder's name is too long for a unix socket: $folder"
    mkdir --mode=700 "$folder" || fail "cannot make $folder"
    trap 'status=$?; ((status == 0)) || remove' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    touch "$folder/$marker"
    if ((EUID == 0)); then
        chown -R "$(server_user):" "$folder"
        as_server_user test -w "$folder" 2>/dev/null ||
            fail "the user $(server_user) cannot reach $folder: set TMPDIR to a folder open to all"
    fi

    # Text order of C, so that results do not depend on the machine's locales.
    as_server_user "$binaries/initdb" --pgdata="$folder/data" --username=postgres --auth=trust \
        --locale=C --encoding=UTF8 --no-sync >"$folder/initdb.log" 2>&1 ||
        { cat "$folder/initdb.log" >&2; fail "initdb failed"; }
    cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$folder'
max_connections = 200
# The data need not outlive the run.
fsync = off
synchronous_commit = off
full_page_writes = off
CONF
    for _ in {1..5}; do
        port=$(free_port)
        if as_server_user "$binaries/pg_ctl" start --pgdata="$folder/data" --log="$folder/server.log" \
            --options="-p $port" --timeout=60 --wait >"$folder/start.log" 2>&1; then
            export DIGLOT_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres"
            export DIGLOT_TEST_POSTGRES_FOLDER=$folder DIGLOT_TEST_POSTGRES_BIN=$binaries
            print_exports
            return
        fi
    done
    cat "$folder/start.log" "$folder/server.log" >&2
    fail "the server did not start"
}

print_exports() {
    local name
    for name in DIGLOT_TEST_POSTGRES DIGLOT_TEST_POSTGRES_FOLDER DIGLOT_TEST_POSTGRES_BIN; do
        printf 'export %s=%q\n' "$name" "${!name}"
    done
}

# Ends the server of $folder, if it runs, and removes the folder.
remove() {
    local binaries
    binaries=$(find_binaries) || true
    if [[ -f $folder/data/postmaster.pid ]]; then
        as_server_user "$binaries/pg_ctl" stop --pgdata="$folder/data" --mode=fast --timeout=10 --wait >/dev/null 2>&1 ||
            as_server_user "$binaries/pg_ctl" stop --pgdata="$folder/data" --mode=immediate --timeout=20 --wait >&2 || true
    fi
    rm -rf "$folder"
}

stop() {
    folder=${1:-${DIGLOT_TEST_POSTGRES_FOLDER:-}}
    [[ -n $folder ]] || fail "stop which one? Name its folder, or export DIGLOT_TEST_POSTGRES_FOLDER"
    [[ -e $folder ]] || return 0
    # Nothing is removed that `start` has not made.
    [[ -f $folder/$marker ]] || fail "$folder is not a cluster of this script"
    remove
}

# Ends the server; its clients are cut off, its data stays.
pause() {
    folder=${1:?pause which one?} binaries=$(find_binaries)
    [[ -f $folder/$marker ]] || fail "$folder is not a cluster of this script"
    as_server_user "$binaries/pg_ctl" stop --pgdata="$folder/data" --mode=fast --timeout=20 --wait >/dev/null
}

resume() {
    folder=${1:?resume which one?} binaries=$(find_binaries)
    [[ -f $folder/$marker ]] || fail "$folder is not a cluster of this script"
    # The options of the last start, its port among them.
    as_server_user "$binaries/pg_ctl" restart --pgdata="$folder/data" --log="$folder/server.log" \
        --timeout=60 --wait >"$folder/start.log" 2>&1 || { cat "$folder/start.log" >&2; fail "the server did not start"; }
}

command=${1:-}
case $command in
    start | stop | pause | resume) "$command" "${2:-}" ;;
    find) find_binaries ;;
    has) has "${2:?which extension?}" ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2 && exit 2 ;;
esac
