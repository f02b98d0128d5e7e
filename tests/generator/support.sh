# shellcheck shell=sh disable=SC2034 # those who source it use them
# support.sh - what the shell tests of mqcallc share; to be sourced.
#
# Automake runs a test in the build directory with srcdir set. Sets:
#   srcdir, mqcallc   absolute paths
#   scratch           a directory that is removed in the end
#   c_flags           of generated C: strict, and with warnings as errors
# and gives the functions below.
set -u
srcdir=$(cd "${srcdir:-.}" && pwd)
mqcallc=$(cd "$(dirname "${MQCALLC:-./mqcallc}")" && pwd)/mqcallc
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM
includes="-I$srcdir/runtime -I$srcdir/lib $(pkg-config --cflags libprotobuf-c 2>/dev/null)"
c_flags="-Wall -Wextra -Werror -pedantic $includes"
failures=0

# fail WORDS...: say so, and count it.
fail() {
	echo "FAIL: $*"
	failures=$((failures + 1))
}

# expect STATUS COMMAND...: run a command that must end with this status; its output goes to
# $scratch/output and $scratch/said.
expect() {
	wanted=$1
	shift
	"$@" >"$scratch/output" 2>"$scratch/said"
	status=$?
	if [ $status -ne "$wanted" ]; then
		fail "exit status $status, not $wanted: $*"
		cat "$scratch/said"
		return 1
	fi
}

# compilers: those that there are, by name.
compilers() {
	for compiler in gcc clang; do
		command -v $compiler >/dev/null && echo $compiler
	done
}

# compile_c DIR: all C below it compiles without a warning, by every compiler.
compile_c() {
	for compiler in $(compilers); do
		for source in $(find "$1" -name '*.c' | sort); do
			# shellcheck disable=SC2086 # flags are several words
			$compiler -std=c11 $c_flags "-I$1" -fsyntax-only "$source" ||
				fail "$compiler does not like $source"
		done
	done
}

# compile_headers DIR: all headers below it stand alone, in C with GNU's extensions and in C++17.
compile_headers() {
	for header in $(find "$1" -name '*.h' | sort); do
		# shellcheck disable=SC2086 # flags are several words
		gcc -std=gnu17 $includes "-I$1" -fsyntax-only -x c "$header" ||
			fail "gcc does not like $header"
		if command -v g++ >/dev/null; then
			# shellcheck disable=SC2086 # flags are several words
			echo "#include \"$header\"" |
				g++ -std=c++17 $c_flags "-I$1" -fsyntax-only -x c++ - ||
				fail "g++ does not like $header"
		fi
	done
}

# done_testing: the exit status of the test.
done_testing() {
	[ "$failures" -eq 0 ]
	exit
}
