/*
 * scratch.h - memory that is given back all at once; mqc_scratch of mqcall.h.
 */
#ifndef MQCI_SCRATCH_H
#define MQCI_SCRATCH_H

#include <mqcall/mqcall.h>

/* Memory, aligned for any type, until mqc_scratch_done(). NULL: none left. */
void *mqci_scratch_alloc(mqc_scratch *scratch, size_t size);

#endif
