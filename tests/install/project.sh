# project.sh - a user's own project outside the tree; the tests beside this file source it.
#
# `make installcheck` tells where mqcall is installed and which compilers to use. A project knows
# nothing but mqcallc and pkg-config.
# shellcheck shell=sh disable=SC2034
set -eu

: "${srcdir:?}" "${MQC_BINDIR:?}" "${MQC_LIBDIR:?}" "${CC:?}" "${CXX:?}" "${PKG_CONFIG:?}"
files=$(cd "$srcdir/tests/install" && pwd)
project=$(mktemp -d "${TMPDIR:-/tmp}/mqcall-install.XXXXXX")
endpoint=install-test-$$
server=

PATH=$MQC_BINDIR:$PATH
PKG_CONFIG_PATH=$MQC_LIBDIR/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
LD_LIBRARY_PATH=$MQC_LIBDIR${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PATH PKG_CONFIG_PATH LD_LIBRARY_PATH

clean_up() {
	status=$?
	trap - EXIT
	[ -z "$server" ] || kill "$server" 2>/dev/null || :
	rm -rf "$project"
	exit "$status"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# To be seen in the test's log, like a user at work.
run() {
	echo "\$ $*"
	"$@"
}

# Starts the server, has the client call it, and compares the answers. The server must end
# cleanly and leave nothing behind.
call_server() {
	"$project/server" "$endpoint" &
	server=$!
	tries=0
	until "$project/client" "$endpoint" >"$project/answers" 2>"$project/complaints"; do
		# Until the server has made its endpoint there is none.
		if [ "$tries" -ge 100 ] || ! grep -q NOT_FOUND "$project/complaints"; then
			cat "$project/complaints" >&2
			fail 'the client got no answer'
		fi
		tries=$((tries + 1))
		sleep 0.1
	done
	run diff "$files/answers.txt" "$project/answers"
	kill -TERM "$server"
	wait "$server" || fail "the server ended with status $?"
	server=
	! "$project/client" "$endpoint" 2>"$project/complaints" || fail 'the endpoint is still there'
	grep -q NOT_FOUND "$project/complaints" || fail "$(cat "$project/complaints")"
}
