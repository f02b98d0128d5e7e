# builds.sh - the project of mqcall-build(7), built by a build system and then changed.
#
# A test sources this, takes the project with the build files that stand in the manual page, and
# defines build(), which builds in the current folder, the one where programs end up. It then calls
# check_builds. What is compiled again is seen by the time of files, and when mqcallc runs by the
# protoc that it runs.
# shellcheck shell=sh
# shellcheck source-path=SCRIPTDIR source=project.sh
. "${srcdir:?}/tests/install/project.sh"

page=$srcdir/man/mqcall-build.7
[ -f "$page" ] || fail "there is no $page"
page=$(cd "$srcdir/man" && pwd)/mqcall-build.7

# A make that runs this test is not the one that builds the project.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
export CC

# need PROGRAM PACKAGE
need() {
	command -v "$1" >/dev/null || {
		echo "skipped: there is no $1; on Debian it is in the package $2"
		exit 77
	}
}

# page_file NAME: the example of the page whose first line is a comment with this name.
page_file() {
	awk -v name="$1" '
		/^\.Bd -literal/ { first = 1; next }
		/^\.Ed/ { if (inside) exit; next }
		first { first = 0; inside = $0 == "# " name || $0 == "/* " name " */" }
		inside { gsub(/\\e/, "\\"); gsub(/\\-/, "-"); sub(/^\\&/, ""); print }
	' "$page" >"$1"
	[ -s "$1" ] || fail "mqcall-build(7) shows no $1"
}

# take_project BUILD_FILE...: into the current folder, writable whatever the original is.
take_project() {
	for file in "$files/server.c" "$files/client.c" "$files/builds/calc.proto" \
		"$files/builds/numbers.proto"; do
		cat "$file" >"$(basename "$file")"
	done
	for file; do
		page_file "$file"
	done
}

# mqcallc lets protoc read files; this one counts.
protoc_runs=$project/protoc-runs
: >"$protoc_runs"
cat >"$project/protoc" <<END
#!/bin/sh
echo >>'$protoc_runs'
exec '${MQCALLC_PROTOC:-$(command -v protoc)}' "\$@"
END
chmod +x "$project/protoc"
MQCALLC_PROTOC=$project/protoc
export MQCALLC_PROTOC

runs() {
	wc -l <"$protoc_runs"
}

# The time of all that is compiled, below the current folder.
object_times() {
	find . -name '*.o' -printf '%p %T@\n' | sort
}

# build_again: builds; counts in "again" how often mqcallc has run.
build_again() {
	before=$(runs)
	object_times >"$project/times-before"
	run build
	again=$(($(runs) - before))
	object_times >"$project/times"
}

same_times() {
	diff "$project/times-before" "$project/times"
}

# check_builds SOURCE [LOOSE]: SOURCE is the folder of the .proto files. LOOSE: what mqcallc has
# written again counts as changed even if it is the same.
check_builds() {
	run build
	object_times >"$project/times"
	[ -s "$project/times" ] || fail 'nothing was compiled'
	call_server

	echo '--- built again, with no change'
	build_again
	[ "$again" = 0 ] || fail 'mqcallc ran without need'
	same_times || fail 'something was compiled without need'

	echo '--- an imported .proto has changed'
	printf '\nmessage Added {\n  int32 here = 1;\n}\n' >>"$1/numbers.proto"
	build_again
	[ "$again" -gt 0 ] || fail 'mqcallc did not run'
	grep -q 'here;' "$(find . -name numbers.pb-c.h)" || fail 'numbers.pb-c.h is the old one'
	! grep -E '/server(\.c)?\.o ' "$project/times-before" | grep -qFf - "$project/times" ||
		fail 'server.c was not compiled again'
	call_server
	build_again
	[ "$again" = 0 ] || fail 'mqcallc ran twice for one change'
	same_times || fail 'something was compiled twice for one change'

	echo '--- an imported .proto is newer, but the same'
	touch "$1/numbers.proto"
	build_again
	[ "$again" -gt 0 ] || fail 'mqcallc did not run'
	[ -n "${2-}" ] || same_times || fail 'something was compiled without need'
	build_again
	[ "$again" = 0 ] || fail 'mqcallc ran twice for one change'
	same_times || fail 'something was compiled twice for one change'

	echo '--- a generated file is gone'
	rm "$(find . -name numbers.pb-c.h)"
	run build
	[ -f "$(find . -name numbers.pb-c.h)" ] || fail 'numbers.pb-c.h is not there again'
	call_server
}
