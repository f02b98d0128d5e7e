/* client.c - calls the calculator on the session bus. */
#include <stdio.h>
#include <stdlib.h>

#include "calc.h"

int main(int argc, char **argv)
{
	CalcCalculator *proxy;
	GError *error = NULL;
	gint a, b, sum, quotient, remainder;

	if (argc != 3 || sscanf(argv[1], "%d", &a) != 1 || sscanf(argv[2], "%d", &b) != 1) {
		g_printerr("usage: client NUMBER NUMBER\n");
		return 2;
	}
	proxy = calc_calculator_proxy_new_for_bus_sync(G_BUS_TYPE_SESSION, G_DBUS_PROXY_FLAGS_NONE,
						       "com.example.Calculator",
						       "/com/example/Calculator", NULL, &error);
	if (proxy == NULL)
		goto failed;
	if (!calc_calculator_call_add_sync(proxy, a, b, &sum, NULL, &error))
		goto failed;
	g_print("%d + %d = %d\n", a, b, sum);
	if (!calc_calculator_call_divide_sync(proxy, a, b, &quotient, &remainder, NULL, &error))
		goto failed;
	g_print("%d / %d = %d, remainder %d\n", a, b, quotient, remainder);
	g_object_unref(proxy);
	return 0;
failed:
	g_printerr("client: %s\n", error->message);
	g_clear_object(&proxy);
	g_error_free(error);
	return 1;
}
