// client.cc - client.c in C++.
#include <memory>
#include <vector>

#include "calc.mqc.h"

#include <cstdio>
#include <cstdlib>

namespace
{

struct client_closer {
	void operator()(mqc_client *client) const
	{
		mqc_client_close(client);
	}
};

struct free_it {
	void operator()(char *text) const
	{
		std::free(text);
	}
};

int call_all(mqc_client *client)
{
	const std::vector<double> values = {1.5, 2.5, 3.5};
	Google__Protobuf__Duration window = GOOGLE__PROTOBUF__DURATION__INIT;
	int32_t sum;
	char *text;
	int r;

	if ((r = calc_add(client, 2, 3, &sum)) < 0)
		return r;
	std::printf("2 + 3 = %d\n", int(sum));
	r = calc_add(client, -1, 3, &sum);
	if (r != MQC_INVALID_ARGUMENT)
		return r;
	std::printf("%s: %s\n", mqc_status_name(r), mqc_error_last()->text);
	window.seconds = 60;
	if ((r = calc_describe(client, values.data(), values.size(), &window, &text)) < 0)
		return r;
	const std::unique_ptr<char, free_it> owned(text);
	std::puts(owned.get());
	return MQC_OK;
}

} // namespace

int main(int argc, char **argv)
{
	mqc_client *opened = nullptr;
	int r;

	if (argc != 2)
		return EXIT_FAILURE;
	r = mqc_client_open(argv[1], nullptr, &opened);
	const std::unique_ptr<mqc_client, client_closer> client(opened);
	if (r < 0 || (r = call_all(client.get())) < 0)
		std::fprintf(stderr, "client: %s: %s\n", mqc_status_name(r),
			     mqc_error_last()->text);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
