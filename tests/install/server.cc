// server.cc - server.c in C++.
#include <string>

#include "calc.mqc.h"

#include <cstdio>
#include <cstdlib>

namespace
{

int add(void *, mqc_call *call, int32_t a, int32_t b, int32_t *ret_sum)
{
	if (a < 0)
		return mqc_call_fail(call, MQC_INVALID_ARGUMENT, "%d is below zero", int(a));
	*ret_sum = a + b;
	return MQC_OK;
}

int describe(void *, mqc_call *call, const double *, size_t n_values,
	     const Google__Protobuf__Duration *window, const char **ret_text)
{
	const std::string text = std::to_string(n_values) + " values in " +
				 std::to_string(window != nullptr ? window->seconds : 0) + " s";

	*ret_text = mqc_call_strdup(call, text.c_str());
	return *ret_text != nullptr ? MQC_OK : MQC_RESOURCE_EXHAUSTED;
}

} // namespace

int main(int argc, char **argv)
{
	calc_handlers handlers = {};
	mqc_server_options options = {};
	mqc_server *server = nullptr;
	int r;

	if (argc != 2)
		return EXIT_FAILURE;
	handlers.add = add;
	handlers.describe = describe;
	options.stop_on_signals = true;
	if ((r = mqc_server_open(argv[1], &options, &server)) < 0 ||
	    (r = calc_serve(server, &handlers, nullptr)) < 0 || (r = mqc_server_run(server)) < 0)
		std::fprintf(stderr, "server: %s\n", mqc_error_last()->text);
	mqc_server_close(server);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
