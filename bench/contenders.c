/* contenders.c - who takes part, in the order in which they are shown. */
#include "contender.h"

#include <stddef.h>

extern const bench_contender bench_raw_mq, bench_mqcall;

const bench_contender *const bench_contenders[] = {
	&bench_raw_mq,
	&bench_mqcall,
	NULL,
};
