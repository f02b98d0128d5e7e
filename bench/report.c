/* report.c - see report.h. */
#include "report.h"

#include <string.h>

#include "config.h"

static const char *const place_texts[BENCH_PLACES] = {
	"both sides on one CPU",
	"each side on a CPU of its own",
	"wherever the kernel puts them",
};

void bench_report_print(const bench_report *report, FILE *to)
{
	const bench_machine *machine = &report->machine;

	fprintf(to, "Round trip of Add, %s\n\n", place_texts[report->place]);
	fprintf(to, "  %-28s %8s %8s %8s   %s\n", "", "p50 us", "p99 us", "ratio", "least-most");
	for (size_t i = 0; i < report->n_results; i++) {
		const bench_result *result = &report->results[i];
		size_t n = report->n_rounds;

		fprintf(to, "  %-28s %8.2f %8.2f %8.2f   %.2f-%.2f\n", result->contender->title,
			stats_median(result->p50, n), stats_median(result->p99, n),
			stats_median(result->ratio, n), stats_least(result->ratio, n),
			stats_most(result->ratio, n));
	}
	fprintf(to,
		"\nMedians of %zu interleaved rounds of %zu calls. The ratio compares p50 to that "
		"of\n"
		"%s in the same round.\n",
		report->n_rounds, report->calls, report->results[0].contender->title);
	fprintf(to, "%s%s, %d CPUs, %s, %s, mqcall %s\n", machine->cpu,
		machine->is_virtual ? " (virtual)" : "", machine->cores, machine->kernel,
		machine->compiler, PACKAGE_VERSION);
}

/* A string of JSON: names of processors hold no surprises, but who knows. */
static void write_string(FILE *file, const char *key, const char *text, const char *end)
{
	fprintf(file, "\"%s\": \"", key);
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ')
			fprintf(file, "\\u%04x", (unsigned)*text);
		else
			fprintf(file, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	}
	fprintf(file, "\"%s", end);
}

static void write_machine(FILE *file, const bench_machine *machine)
{
	fprintf(file, "  \"machine\": {\n    ");
	write_string(file, "cpu", machine->cpu, ",\n    ");
	write_string(file, "kernel", machine->kernel, ",\n    ");
	write_string(file, "compiler", machine->compiler, ",\n    ");
	fprintf(file, "\"cpus\": %d,\n    \"virtual\": %s\n  },\n", machine->cores,
		machine->is_virtual ? "true" : "false");
}

static void write_result(FILE *file, const bench_result *result, size_t n)
{
	fprintf(file, "    {\n      ");
	write_string(file, "name", result->contender->name, ",\n      ");
	fprintf(file, "\"p50_us\": %.3f,\n      \"p99_us\": %.3f,\n      \"ratio\": %.3f,\n",
		stats_median(result->p50, n), stats_median(result->p99, n),
		stats_median(result->ratio, n));
	fprintf(file, "      \"rounds\": [");
	for (size_t i = 0; i < n; i++)
		fprintf(file, "%s\n        {\"p50_us\": %.3f, \"p99_us\": %.3f, \"ratio\": %.3f}",
			i > 0 ? "," : "", result->p50[i], result->p99[i], result->ratio[i]);
	fprintf(file, "\n      ]\n    }");
}

static void write_report(FILE *file, const bench_report *report)
{
	fprintf(file, "{\n  ");
	write_string(file, "benchmark", "roundtrip", ",\n  ");
	write_string(file, "mqcall", PACKAGE_VERSION, ",\n  ");
	write_string(file, "place", bench_place_names[report->place], ",\n");
	fprintf(file, "  \"calls\": %zu,\n", report->calls);
	write_machine(file, &report->machine);
	fprintf(file, "  \"results\": [\n");
	for (size_t i = 0; i < report->n_results; i++) {
		write_result(file, &report->results[i], report->n_rounds);
		fprintf(file, i + 1 < report->n_results ? ",\n" : "\n");
	}
	fprintf(file, "  ]\n}\n");
}

int bench_report_write_json(const bench_report *report, const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
	int failed;

	if (file == NULL) {
		perror(path);
		return -1;
	}
	write_report(file, report);
	failed = ferror(file);
	if ((file == stdout ? fflush(file) : fclose(file)) != 0 || failed) {
		perror(path);
		return -1;
	}
	return 0;
}
