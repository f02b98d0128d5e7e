# mqcall.m4 - for projects that use mqcall and Automake. mqcall-build(7) has the whole recipe.
# serial 1

# MQCALL_CHECK([MINIMUM-VERSION], [IF-FOUND], [IF-NOT-FOUND])
# ----------------------------------------------------------
# Looks for the library, by pkg-config, and for the compiler, beside the library and then in PATH.
# Substitutes
#
#     MQCALL_CFLAGS, MQCALL_LIBS    to compile and to link
#     MQCALLC                       the compiler of services
#     MQCALL_PROTODIR               where mqcall/options.proto is, for those who run protoc themselves
#
# each of which can be set by hand. Without IF-NOT-FOUND, configure ends and says what is missing.
AC_DEFUN([MQCALL_CHECK],
[AC_REQUIRE([PKG_PROG_PKG_CONFIG])dnl
AC_ARG_VAR([MQCALLC], [the compiler of mqcall services])dnl
mqcall_missing=
PKG_CHECK_MODULES([MQCALL], [mqcall]m4_ifval([$1], [ >= $1]), [],
	[mqcall_missing="the library mqcall]m4_ifval([$1], [ >= $1])[: $MQCALL_PKG_ERRORS"])
AS_IF([test -z "$mqcall_missing"],
	[PKG_CHECK_VAR([MQCALL_PROTODIR], [mqcall], [includedir])
	PKG_CHECK_VAR([MQCALL_BINDIR], [mqcall], [bindir])
	AC_PATH_PROG([MQCALLC], [mqcallc], [], [$MQCALL_BINDIR$PATH_SEPARATOR$PATH])
	AS_IF([test -z "$MQCALLC"], [mqcall_missing="the program mqcallc"])])
AS_IF([test -z "$mqcall_missing"],
	[m4_default([$2], [:])],
	[m4_default([$3], [AC_MSG_ERROR([cannot find $mqcall_missing
Install mqcall; if it is in a place of its own, name that place:
    PKG_CONFIG_PATH=PREFIX/lib/pkgconfig])])])
])
