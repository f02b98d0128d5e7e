/* table.h - the figures for people: aligned, on stdout or wherever. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stdio.h>

#include "machine.h"
#include "run.h"
#include "series.h"

void bench_table_calls(const bench_run *run, FILE *to);
void bench_table_series(const bench_series *series, FILE *to);

/* Who is missing, on what this was measured, and how to read it. */
void bench_table_end(const bench_run *run, const bench_machine *machine, FILE *to);

/* A number in `width` characters at least, with some three digits that count; NAN is "-". */
void bench_table_number(FILE *to, int width, double number);

#endif
