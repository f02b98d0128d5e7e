/*
 * comment.h - comments of a .proto, fit to stand in a comment of C.
 */
#ifndef MQCALL_GENERATOR_COMMENT_H
#define MQCALL_GENERATOR_COMMENT_H

#include "idl/arena.h"

/*
 * The comment without what would end it, begin another, join lines, hide text
 * (control and bidirectional characters) or be no UTF-8; without the one space
 * that stands before every line, and blank lines around it.
 */
const char *comment_clean(idl_arena *arena, const char *comment);

#endif
