/* svg.c - see svg.h. */
#include "svg.h"

FILE *svg_begin(const char *folder, const char *name, double width, double height)
{
	char path[512];
	FILE *svg;

	snprintf(path, sizeof path, "%.400s/%.60s.svg", folder, name);
	svg = fopen(path, "we");
	if (svg == NULL) {
		perror(path);
		return NULL;
	}
	fprintf(svg,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		"viewBox=\"0 0 %.0f %.0f\" font-family=\"Helvetica, Arial, 'DejaVu Sans', "
		"sans-serif\">\n",
		width, height, width, height);
	svg_rectangle(svg, 0, 0, width, height, "#ffffff", 1);
	return svg;
}

int svg_end(FILE *svg)
{
	int failed;

	fputs("</svg>\n", svg);
	failed = ferror(svg);
	if (fclose(svg) != 0 || failed) {
		perror("bench: a chart");
		return -1;
	}
	return 0;
}

static void write_escaped(FILE *svg, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", svg);
			break;
		case '<':
			fputs("&lt;", svg);
			break;
		case '>':
			fputs("&gt;", svg);
			break;
		default:
			fputc(*text, svg);
		}
}

void svg_text(FILE *svg, double x, double y, double size, const char *weight, svg_anchor anchor,
	      const char *colour, const char *text)
{
	static const char *const anchors[] = {"start", "middle", "end"};

	fprintf(svg,
		"<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.1f\" font-weight=\"%s\" "
		"text-anchor=\"%s\" fill=\"%s\">",
		x, y, size, weight, anchors[anchor], colour);
	write_escaped(svg, text);
	fputs("</text>\n", svg);
}

void svg_rectangle(FILE *svg, double x, double y, double width, double height, const char *colour,
		   double opacity)
{
	fprintf(svg,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" "
		"fill-opacity=\"%.2f\"/>\n",
		x, y, width, height, colour, opacity);
}

void svg_line(FILE *svg, double x1, double y1, double x2, double y2, const char *colour,
	      double width)
{
	fprintf(svg,
		"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
		"stroke-width=\"%.1f\"/>\n",
		x1, y1, x2, y2, colour, width);
}

void svg_dot(FILE *svg, double x, double y, double radius, const char *colour)
{
	fprintf(svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"/>\n", x, y, radius,
		colour);
}
