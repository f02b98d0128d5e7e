/*
 * words.c - words that mean something else already in C, C++ or the system.
 *
 * Sorted lists, searched by bisection; a test holds them in order.
 */
#include "words.h"

#include <stdlib.h>
#include <string.h>

/* protoc-gen-c knows these. */
static const char *const renamed[] = {
	"and",
	"and_eq",
	"asm",
	"auto",
	"bitand",
	"bitor",
	"bool",
	"break",
	"case",
	"catch",
	"char",
	"class",
	"compl",
	"const",
	"const_cast",
	"continue",
	"default",
	"delete",
	"do",
	"double",
	"dynamic_cast",
	"else",
	"enum",
	"explicit",
	"extern",
	"false",
	"float",
	"for",
	"friend",
	"goto",
	"if",
	"inline",
	"int",
	"long",
	"mutable",
	"namespace",
	"new",
	"not",
	"not_eq",
	"operator",
	"or",
	"or_eq",
	"private",
	"protected",
	"public",
	"register",
	"reinterpret_cast",
	"return",
	"short",
	"signed",
	"sizeof",
	"static",
	"static_cast",
	"struct",
	"switch",
	"template",
	"this",
	"throw",
	"true",
	"try",
	"typedef",
	"typeid",
	"typename",
	"union",
	"unsigned",
	"using",
	"virtual",
	"void",
	"volatile",
	"wchar_t",
	"while",
	"xor",
	"xor_eq",
};

/*
 * And these it does not: the keywords of C99 to C23 and C++11 to C++23, what gcc
 * predefines in its GNU modes, macros of common headers that have no parameters
 * (complex.h, errno.h and so on), and types of members: C++ does not let a struct
 * have a member of the name of another one's type.
 */
static const char *const keywords[] = {
	"__asm",        "__asm__",       "__attribute__",
	"__const",      "__extension__", "__func__",
	"__inline",     "__int128",      "__restrict",
	"__signed__",   "__thread",      "__typeof__",
	"__volatile__", "alignas",       "alignof",
	"char16_t",     "char32_t",      "char8_t",
	"co_await",     "co_return",     "co_yield",
	"complex",      "concept",       "consteval",
	"constexpr",    "constinit",     "decltype",
	"environ",      "errno",         "export",
	"fortran",      "i386",          "imaginary",
	"int32_t",      "int64_t",       "linux",
	"loff_t",       "mips",          "noexcept",
	"noreturn",     "nullptr",       "protobuf_c_boolean",
	"requires",     "restrict",      "size_t",
	"sparc",        "static_assert", "sun",
	"thread_local", "typeof",        "typeof_unqual",
	"uint32_t",     "uint64_t",      "uint8_t",
	"unix",         "vax",
};

/*
 * What generated functions say themselves, or their parameters' types: a
 * parameter of that name would hide it.
 */
static const char *const taken[] = {
	"assert",
	"call",
	"client",
	"free",
	"mqc_call",
	"mqc_call_fail",
	"mqc_call_finish",
	"mqc_call_options",
	"mqc_client",
	"mqc_client_call",
	"mqc_client_start",
	"mqc_ended",
	"mqc_pending",
	"mqc_pending_finish",
	"mqc_scratch",
	"mqc_scratch_done",
	"mqc_scratch_init",
	"mqc_take_bytes",
	"mqc_take_string",
	"options",
	"protobuf_c_message_free_unpacked",
	"self",
};

static const char *const system_types[] = {
	"BUFSIZ",
	"DIR",
	"EOF",
	"FILE",
	"INFINITY",
	"NAN",
	"NDEBUG",
	"NULL",
	"NZERO",
	"ProtobufCAllocator",
	"ProtobufCBinaryData",
	"ProtobufCBuffer",
	"ProtobufCBufferSimple",
	"ProtobufCClosure",
	"ProtobufCEnumDescriptor",
	"ProtobufCEnumValue",
	"ProtobufCEnumValueIndex",
	"ProtobufCFieldDescriptor",
	"ProtobufCFieldFlag",
	"ProtobufCIntRange",
	"ProtobufCLabel",
	"ProtobufCMessage",
	"ProtobufCMessageDescriptor",
	"ProtobufCMessageInit",
	"ProtobufCMessageUnknownField",
	"ProtobufCMethodDescriptor",
	"ProtobufCService",
	"ProtobufCServiceDescriptor",
	"ProtobufCServiceDestroy",
	"ProtobufCType",
	"ProtobufCWireType",
};

/*
 * Macros with parameters, of the headers that generated code includes: a call
 * of a member would be taken for one of them. And a type of all handlers, see
 * above.
 */
static const char *const methods[] = {
	"alloca",  "assert",  "be16toh", "be32toh", "be64toh", "htobe16", "htobe32",  "htobe64",
	"htole16", "htole32", "htole64", "le16toh", "le32toh", "le64toh", "mqc_call", "offsetof",
};

/* What an enum's tag, '_' and its name, can't be. */
static const char *const tags[] = {
	"_Accum",      "_Alignas",   "_Alignof",   "_Atomic", "_BitInt",   "_Bool",    "_Complex",
	"_Decimal128", "_Decimal32", "_Decimal64", "_Exit",   "_Float128", "_Float16", "_Float32",
	"_Float32x",   "_Float64",   "_Float64x",  "_Fract",  "_Generic",  "_ILP32",   "_Imaginary",
	"_LP64",       "_Noreturn",  "_Pragma",    "_Sat",
};

static const char *const system_functions[] = {
	"aio_cancel",
	"aio_error",
	"aio_fsync",
	"aio_read",
	"aio_return",
	"aio_suspend",
	"aio_write",
	"argp_error",
	"argp_failure",
	"argp_help",
	"argp_parse",
	"argp_state_help",
	"argp_usage",
	"argz_add",
	"argz_append",
	"argz_count",
	"argz_create",
	"argz_delete",
	"argz_extract",
	"argz_insert",
	"argz_next",
	"argz_replace",
	"argz_stringify",
	"at_quick_exit",
	"clock_adjtime",
	"clock_getcpuclockid",
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"clock_settime",
	"create_module",
	"delete_module",
	"envz_add",
	"envz_entry",
	"envz_get",
	"envz_merge",
	"envz_remove",
	"envz_strip",
	"epoll_create",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_wait",
	"eventfd_read",
	"eventfd_write",
	"fanotify_init",
	"fanotify_mark",
	"get_avphys_pages",
	"get_current_dir_name",
	"get_kernel_syms",
	"get_nprocs",
	"get_nprocs_conf",
	"get_phys_pages",
	"if_freenameindex",
	"if_indextoname",
	"if_nameindex",
	"if_nametoindex",
	"inet_addr",
	"inet_aton",
	"inet_ntoa",
	"inet_ntop",
	"inet_pton",
	"init_module",
	"inotify_add_watch",
	"inotify_init",
	"inotify_rm_watch",
	"lio_listio",
	"malloc_info",
	"malloc_stats",
	"malloc_trim",
	"malloc_usable_size",
	"memfd_create",
	"mq_close",
	"mq_getattr",
	"mq_notify",
	"mq_open",
	"mq_receive",
	"mq_send",
	"mq_setattr",
	"mq_timedreceive",
	"mq_timedsend",
	"mq_unlink",
	"on_exit",
	"pkey_alloc",
	"pkey_free",
	"pkey_get",
	"pkey_mprotect",
	"pkey_set",
	"posix_fadvise",
	"posix_fallocate",
	"posix_madvise",
	"posix_memalign",
	"posix_openpt",
	"posix_spawn",
	"posix_spawnp",
	"process_vm_readv",
	"process_vm_writev",
	"pthread_atfork",
	"pthread_cancel",
	"pthread_create",
	"pthread_detach",
	"pthread_equal",
	"pthread_exit",
	"pthread_join",
	"pthread_kill",
	"pthread_once",
	"pthread_self",
	"query_module",
	"quick_exit",
	"re_compile_pattern",
	"re_match",
	"re_search",
	"remap_file_pages",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getaffinity",
	"sched_getcpu",
	"sched_getparam",
	"sched_getscheduler",
	"sched_setaffinity",
	"sched_setparam",
	"sched_setscheduler",
	"sched_yield",
	"sem_close",
	"sem_destroy",
	"sem_getvalue",
	"sem_init",
	"sem_open",
	"sem_post",
	"sem_timedwait",
	"sem_trywait",
	"sem_unlink",
	"sem_wait",
	"shm_open",
	"shm_unlink",
	"sync_file_range",
	"thrd_create",
	"thrd_detach",
	"thrd_exit",
	"thrd_join",
	"thrd_sleep",
	"thrd_yield",
	"timer_create",
	"timer_delete",
	"timer_getoverrun",
	"timer_gettime",
	"timer_settime",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_settime",
	"tss_create",
	"tss_delete",
	"tss_get",
	"tss_set",
};

static int compare(const void *key, const void *element)
{
	return strcmp(key, *(const char *const *)element);
}

static bool contains(const char *const *words, size_t count, const char *word)
{
	return bsearch(word, words, count, sizeof(*words), compare) != NULL;
}

#define CONTAINS(words, word) contains(words, sizeof(words) / sizeof((words)[0]), word)

bool gen_word_is_renamed(const char *word)
{
	return CONTAINS(renamed, word);
}

bool gen_word_is_keyword(const char *word)
{
	return CONTAINS(renamed, word) || CONTAINS(keywords, word);
}

bool gen_word_is_taken(const char *word)
{
	return gen_word_is_keyword(word) || CONTAINS(taken, word);
}

bool gen_word_is_no_method(const char *word)
{
	return gen_word_is_keyword(word) || CONTAINS(methods, word);
}

bool gen_word_is_system_type(const char *word)
{
	return CONTAINS(system_types, word);
}

bool gen_word_is_tag(const char *word)
{
	return CONTAINS(tags, word);
}

bool gen_word_is_system_function(const char *word)
{
	return CONTAINS(system_functions, word);
}

const char *gen_word_prefix_owner(const char *prefix)
{
	static const struct {
		const char *prefix;
		bool alone; /* what begins with it and goes on is free */
		const char *owner;
	} owners[] = {
		{"mqc", false, "the mqcall library"},
		{"mqci", false, "the mqcall library"},
		{"protobuf_c", false, "the protobuf-c library"},
		{"mq", true, "POSIX message queues"},
	};

	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		size_t length = strlen(owners[i].prefix);

		if (strncmp(prefix, owners[i].prefix, length) == 0 &&
		    (prefix[length] == '\0' || (prefix[length] == '_' && !owners[i].alone)))
			return owners[i].owner;
	}
	return NULL;
}
