/*
 * contender_capnp.cc - Cap'n Proto RPC, on a Unix socket.
 *
 * By its EZ interface (EzRpcServer, EzRpcClient), which its documentation begins with: one
 * thread and one event loop a process. Calls at once are promises that are waited for.
 */
#include "contender.h"

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <capnp/ez-rpc.h>
#include <kj/exception.h>

#include "bench_capnp.capnp.h"

namespace
{

constexpr uint32_t outstanding = 4096, liked = 256;

std::string address_of(const char *name)
{
	char path[BENCH_PATH_SIZE];

	bench_path(name, "socket", path);
	return std::string("unix:") + path;
}

/* Messages of 16 MiB, and as many of them as there are. */
capnp::ReaderOptions generous()
{
	capnp::ReaderOptions options;

	options.traversalLimitInWords = UINT64_C(1) << 60;
	return options;
}

int complain(const kj::Exception &exception)
{
	fprintf(stderr, "capnp: %s\n", exception.getDescription().cStr());
	return -1;
}

class Service final : public Bench::Server
{
	kj::Promise<void> add(AddContext context) override
	{
		auto parameters = context.getParams();

		context.getResults().setSum(parameters.getA() + parameters.getB());
		return kj::READY_NOW;
	}

	kj::Promise<void> echo(EchoContext context) override
	{
		auto data = context.getParams().getData();

		bench_read(data.begin(), data.size());
		context.getResults().setData(data);
		return kj::READY_NOW;
	}
};

int serve(const char *name, bench_ready ready, void *benchmark)
{
	try {
		capnp::EzRpcServer server(kj::heap<Service>(), address_of(name), 0, generous());
		auto &scope = server.getWaitScope();

		server.getPort().wait(scope);
		ready(benchmark);
		kj::NEVER_DONE.wait(scope);
	} catch (const kj::Exception &exception) {
		return complain(exception);
	}
	return 0;
}

struct Connection {
	capnp::EzRpcClient client;
	Bench::Client bench;
	kj::Maybe<capnp::Response<Bench::EchoResults>> reply;
	struct Ended {
		uint32_t ticket;
		int32_t sum;
	};
	std::vector<Ended> ended;
	std::vector<kj::Maybe<kj::Promise<void>>> calls;
	kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> some;
	bool failed = false;

	explicit Connection(const std::string &address)
	    : client(address, 0, generous()), bench(client.getMain<Bench>()), calls(bench_window())
	{
	}
};

int connect_client(const char *name, void **ret_connection)
{
	try {
		*ret_connection = new Connection(address_of(name));
	} catch (const kj::Exception &exception) {
		return complain(exception);
	}
	return 0;
}

int add(void *to, int32_t a, int32_t b, int32_t *ret_sum)
{
	auto *connection = static_cast<Connection *>(to);

	try {
		auto request = connection->bench.addRequest();

		request.setA(a);
		request.setB(b);
		*ret_sum = request.send().wait(connection->client.getWaitScope()).getSum();
	} catch (const kj::Exception &exception) {
		return complain(exception);
	}
	return 0;
}

int echo(void *to, const void *data, size_t size, const void **ret_reply, size_t *ret_size)
{
	auto *connection = static_cast<Connection *>(to);

	connection->reply = nullptr;
	try {
		/* The size of the message, so that it is one segment. */
		auto request = connection->bench.echoRequest(capnp::MessageSize{size / 8 + 32, 0});

		request.setData(kj::arrayPtr(static_cast<const kj::byte *>(data), size));
		auto reply = request.send().wait(connection->client.getWaitScope());
		auto bytes = reply.getData();

		*ret_reply = bytes.begin();
		*ret_size = bytes.size();
		connection->reply = kj::mv(reply);
	} catch (const kj::Exception &exception) {
		return complain(exception);
	}
	return 0;
}

void tell(Connection *connection)
{
	KJ_IF_MAYBE (some, connection->some) {
		(*some)->fulfill();
		connection->some = nullptr;
	}
}

int start(void *to, uint32_t ticket, int32_t a, int32_t b)
{
	auto *connection = static_cast<Connection *>(to);

	try {
		auto request = connection->bench.addRequest();

		request.setA(a);
		request.setB(b);
		connection->calls[ticket] =
			request.send()
				.then([connection,
				       ticket](capnp::Response<Bench::AddResults> &&reply) {
					connection->ended.push_back({ticket, reply.getSum()});
					tell(connection);
				})
				.eagerlyEvaluate([connection](kj::Exception &&exception) {
					complain(exception);
					connection->failed = true;
					tell(connection);
				});
	} catch (const kj::Exception &exception) {
		return complain(exception);
	}
	return 0;
}

int wait_for_some(void *from, bench_ended ended, void *benchmark)
{
	auto *connection = static_cast<Connection *>(from);

	try {
		if (connection->ended.empty() && !connection->failed) {
			auto some = kj::newPromiseAndFulfiller<void>();

			connection->some = kj::mv(some.fulfiller);
			some.promise.wait(connection->client.getWaitScope());
		}
	} catch (const kj::Exception &exception) {
		return complain(exception);
	}
	for (const auto &one : connection->ended)
		ended(benchmark, one.ticket, one.sum);
	connection->ended.clear();
	return connection->failed ? -1 : 0;
}

void disconnect(void *from)
{
	delete static_cast<Connection *>(from);
}

bench_contender make()
{
	bench_contender contender = {};

	contender.name = "capnp";
	contender.serve = serve;
	contender.connect = connect_client;
	contender.add = add;
	contender.echo = echo;
	contender.start = start;
	contender.wait = wait_for_some;
	contender.most_outstanding = outstanding;
	contender.liked_outstanding = liked;
	contender.disconnect = disconnect;
	contender.payload_max = 256 << 20;
	return contender;
}

const bench_contender capnp_ez = make();

} // namespace

const bench_contender *const bench_contenders[] = {&capnp_ez, nullptr};
