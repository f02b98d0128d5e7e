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

# seconds SCRIPT: the processor time of what a shell script runs, its children's and theirs.
seconds() {
	sh -c "$1 >/dev/null; times" | tail -n 1 | tr 'ms' '  ' |
		awk '{ print $1 * 60 + $2 + $3 * 60 + $4 }'
}

printf '%8s %12s %12s %12s\n' methods 'own (s)' 'all (s)' bytes
for methods in 10 100 1000 5000; do
	write_service $methods >"$scratch/big.proto"
	all=$(seconds "'$mqcallc' -I '$scratch' '$scratch/big.proto' -o '$scratch/out'")
	# The programs that mqcallc runs, on their own, tell how much of it is theirs.
	others=$(seconds "protoc -I '$scratch' --include_imports --include_source_info \
		-o /dev/null '$scratch/big.proto' && sed '/^service/,/^}/d; s/optional //' \
		'$scratch/big.proto' >'$scratch/plain.proto' && protoc -I '$scratch' \
		--c_out='$scratch' '$scratch/plain.proto'")
	awk -v methods=$methods -v all="$all" -v others="$others" \
		-v bytes="$(find "$scratch/out" -type f -exec cat {} + | wc -c)" 'BEGIN {
			own = (all > others) ? all - others : 0
			printf "%8d %12.2f %12.2f %12d\n", methods, own, all, bytes
		}'
done
