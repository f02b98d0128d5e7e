/* server.c - the calculator as an object on the session bus. */
#include <stdlib.h>

#include "calc.h"

static int status;

static gboolean add(CalcCalculator *object, GDBusMethodInvocation *call, gint a, gint b,
		    gpointer data)
{
	gint sum;

	(void)data;
	if (__builtin_add_overflow(a, b, &sum))
		g_dbus_method_invocation_return_error(call, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
						      "%d + %d is over 32 bits", a, b);
	else
		calc_calculator_complete_add(object, call, sum);
	return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean divide(CalcCalculator *object, GDBusMethodInvocation *call, gint dividend,
		       gint divisor, gpointer data)
{
	(void)data;
	if (divisor == 0 || (dividend == G_MININT && divisor == -1))
		g_dbus_method_invocation_return_error(call, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
						      "cannot divide %d by %d", dividend, divisor);
	else
		calc_calculator_complete_divide(object, call, dividend / divisor,
						dividend % divisor);
	return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void on_bus_acquired(GDBusConnection *connection, const gchar *name, gpointer data)
{
	CalcCalculator *object = calc_calculator_skeleton_new();
	GError *error = NULL;

	(void)name;
	(void)data;
	g_signal_connect(object, "handle-add", G_CALLBACK(add), NULL);
	g_signal_connect(object, "handle-divide", G_CALLBACK(divide), NULL);
	if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(object), connection,
					      "/com/example/Calculator", &error))
		g_error("server: %s", error->message);
}

static void on_name_lost(GDBusConnection *connection, const gchar *name, gpointer data)
{
	g_printerr("server: %s\n", connection == NULL ? "no session bus" : "the name is taken");
	(void)name;
	status = EXIT_FAILURE;
	g_main_loop_quit(data);
}

int main(void)
{
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);
	guint owner = g_bus_own_name(G_BUS_TYPE_SESSION, "com.example.Calculator",
				     G_BUS_NAME_OWNER_FLAGS_NONE, on_bus_acquired, NULL,
				     on_name_lost, loop, NULL);

	g_main_loop_run(loop);
	g_bus_unown_name(owner);
	g_main_loop_unref(loop);
	return status;
}
