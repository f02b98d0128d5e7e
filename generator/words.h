/*
 * words.h - words that mean something else already in C, C++ or the system.
 */
#ifndef MQCALL_GENERATOR_WORDS_H
#define MQCALL_GENERATOR_WORDS_H

#include <stdbool.h>

/* A keyword to which protoc-gen-c itself appends '_' where a field has its name. */
bool gen_word_is_renamed(const char *word);

/*
 * A word that no struct member can be called: a keyword of any C or C++, or a
 * macro of a header that generated code, or most programs, include.
 */
bool gen_word_is_keyword(const char *word);

/* A word that a parameter of generated functions can't be called, keywords too. */
bool gen_word_is_taken(const char *word);

/* A word that no handler can be called, as a member of its table. */
bool gen_word_is_no_method(const char *word);

/* A type name that the C library or protobuf-c use. */
bool gen_word_is_system_type(const char *word);

/* A keyword that can't be the tag of an enum; all of them begin with '_'. */
bool gen_word_is_tag(const char *word);

/* Who has all names that begin with this prefix? NULL: nobody. */
const char *gen_word_prefix_owner(const char *prefix);

/* A function of the C library, of those that contain '_'. */
bool gen_word_is_system_function(const char *word);

#endif
