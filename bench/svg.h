/* svg.h - a picture, element by element. Lengths are in pixels, from the upper left corner. */
#ifndef BENCH_SVG_H
#define BENCH_SVG_H

#include <stdio.h>

typedef enum svg_anchor {
	SVG_START,
	SVG_MIDDLE,
	SVG_END
} svg_anchor;

/* A file of that size, white. NULL with a message on stderr. */
FILE *svg_begin(const char *folder, const char *name, double width, double height);

/* Returns 0, or -1 with a message on stderr if not all of it could be written. */
int svg_end(FILE *svg);

/* Text in a size; "bold" or "normal". It is escaped here. */
void svg_text(FILE *svg, double x, double y, double size, const char *weight, svg_anchor anchor,
	      const char *colour, const char *text);
void svg_rectangle(FILE *svg, double x, double y, double width, double height, const char *colour,
		   double opacity);
void svg_line(FILE *svg, double x1, double y1, double x2, double y2, const char *colour,
	      double width);
void svg_dot(FILE *svg, double x, double y, double radius, const char *colour);

#endif
