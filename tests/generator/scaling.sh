#!/bin/sh
# scaling.sh - how mqcallc's time grows with the number of methods
#
#     scaling.sh [MQCALLC]
#
# Prints, for services of 10 to 5000 methods, mqcallc's own processor time and that of all, protoc
# and protoc-gen-c included; both should grow as the methods do.
set -eu
mqcallc=${1:-./mqcallc}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# write_service METHODS
write_service() {
	awk -v n="$1" 'BEGIN {
		print "syntax = \"proto3\";\npackage big;\nservice Big {"
		for (i = 0; i < n; i++)
			printf "  // Method %d.\n  rpc Method%d(Request%d) returns (Reply%d);\n", i, i, i, i
		print "}"
		for (i = 0; i < n; i++) {
			printf "message Request%d { string name = 1; int32 a = 2; optional bytes b = 3; }\n", i
			printf "message Reply%d { string text = 1; repeated int64 values = 2; }\n", i
		}
	}'
}

# seconds COMMAND...: the processor time of a command and of all that it runs.
seconds() {
	sh -c '"$@" >/dev/null; times' sh "$@" | tail -n 1 | tr 'ms' '  ' |
		awk '{ print $1 * 60 + $2 + $3 * 60 + $4 }'
}

# program NAME LINE...: a script in $scratch.
program() {
	name=$1
	shift
	printf '%s\n' '#!/bin/sh' "$@" >"$scratch/$name"
	chmod +x "$scratch/$name"
}

# The first run notes what protoc and protoc-gen-c say; in the second, only their words are
# repeated, so that the time is mqcallc's own, and that of cat.
program protoc-notes "protoc \"\$@\" | tee '$scratch/set'"
program protoc-gen-c-notes "protoc-gen-c | tee '$scratch/response'"
program protoc-repeats "cat '$scratch/set'"
program protoc-gen-c-repeats 'cat >/dev/null' "cat '$scratch/response'"

printf '%8s %12s %12s %12s\n' methods 'own (s)' 'all (s)' bytes
for methods in 10 100 1000 5000; do
	write_service $methods >"$scratch/big.proto"
	set -- "$mqcallc" -I "$scratch" "$scratch/big.proto" -o "$scratch/out"
	all=$(seconds "$@")
	MQCALLC_PROTOC=$scratch/protoc-notes MQCALLC_PROTOC_GEN_C=$scratch/protoc-gen-c-notes "$@"
	rm -rf "$scratch/out"
	own=$(MQCALLC_PROTOC=$scratch/protoc-repeats \
		MQCALLC_PROTOC_GEN_C=$scratch/protoc-gen-c-repeats seconds "$@")
	printf '%8d %12.2f %12.2f %12d\n' "$methods" "$own" "$all" \
		"$(find "$scratch/out" -type f -exec cat {} + | wc -c)"
done
