/*
 * contender_grpc.cc - gRPC C++, on a Unix socket.
 *
 * Calls that wait are made with the blocking stub, which its performance guide has for
 * clients that wait anyway; calls at once with the callback stub, which it recommends over
 * completion queues. Servers of both kinds that it describes for such services:
 *
 *   grpc            the synchronous one
 *   grpc-callback   the callback one, with a reactor that is finished at once
 */
#include "contender.h"

#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "bench_grpc.grpc.pb.h"

namespace
{

using bench_grpc::AddReply;
using bench_grpc::AddRequest;
using bench_grpc::Bench;
using bench_grpc::EchoMessage;

constexpr uint32_t outstanding = 4096;

std::string address_of(const char *name)
{
	char path[BENCH_PATH_SIZE];

	bench_path(name, "socket", path);
	return std::string("unix:") + path;
}

int complain(const grpc::Status &status)
{
	fprintf(stderr, "grpc: %s\n", status.error_message().c_str());
	return -1;
}

void answer_echo(const EchoMessage *request, EchoMessage *reply)
{
	bench_read(request->data().data(), request->data().size());
	reply->set_data(request->data());
}

class SyncService final : public Bench::Service
{
	grpc::Status Add(grpc::ServerContext *, const AddRequest *request, AddReply *reply) override
	{
		reply->set_sum(request->a() + request->b());
		return grpc::Status::OK;
	}

	grpc::Status Echo(grpc::ServerContext *, const EchoMessage *request,
			  EchoMessage *reply) override
	{
		answer_echo(request, reply);
		return grpc::Status::OK;
	}
};

class CallbackService final : public Bench::CallbackService
{
	grpc::ServerUnaryReactor *Add(grpc::CallbackServerContext *context,
				      const AddRequest *request, AddReply *reply) override
	{
		auto *reactor = context->DefaultReactor();

		reply->set_sum(request->a() + request->b());
		reactor->Finish(grpc::Status::OK);
		return reactor;
	}

	grpc::ServerUnaryReactor *Echo(grpc::CallbackServerContext *context,
				       const EchoMessage *request, EchoMessage *reply) override
	{
		auto *reactor = context->DefaultReactor();

		answer_echo(request, reply);
		reactor->Finish(grpc::Status::OK);
		return reactor;
	}
};

int serve_with(grpc::Service &service, const char *name, bench_ready ready, void *benchmark)
{
	grpc::ServerBuilder builder;

	builder.AddListeningPort(address_of(name), grpc::InsecureServerCredentials());
	builder.SetMaxReceiveMessageSize(-1);
	builder.RegisterService(&service);
	std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
	if (server == nullptr) {
		fprintf(stderr, "grpc: cannot listen\n");
		return -1;
	}
	ready(benchmark);
	server->Wait();
	return 0;
}

int serve_sync(const char *name, bench_ready ready, void *benchmark)
{
	SyncService service;

	return serve_with(service, name, ready, benchmark);
}

int serve_callback(const char *name, bench_ready ready, void *benchmark)
{
	CallbackService service;

	return serve_with(service, name, ready, benchmark);
}

struct Call {
	std::unique_ptr<grpc::ClientContext> context;
	AddRequest request;
	AddReply reply;
};

struct Connection {
	std::unique_ptr<Bench::Stub> stub;
	EchoMessage reply;
	std::vector<Call> calls = std::vector<Call>(bench_window());
	std::mutex lock;
	std::condition_variable some;
	std::vector<uint32_t> ended, taken;
	grpc::Status failure;
};

int connect_stub(const char *name, void **ret_connection)
{
	grpc::ChannelArguments arguments;
	auto connection = std::make_unique<Connection>();

	arguments.SetMaxReceiveMessageSize(-1);
	connection->stub = Bench::NewStub(grpc::CreateCustomChannel(
		address_of(name), grpc::InsecureChannelCredentials(), arguments));
	*ret_connection = connection.release();
	return 0;
}

int add(void *to, int32_t a, int32_t b, int32_t *ret_sum)
{
	auto *connection = static_cast<Connection *>(to);
	grpc::ClientContext context;
	AddRequest request;
	AddReply reply;

	request.set_a(a);
	request.set_b(b);
	grpc::Status status = connection->stub->Add(&context, request, &reply);
	if (!status.ok())
		return complain(status);
	*ret_sum = reply.sum();
	return 0;
}

int echo(void *to, const void *data, size_t size, const void **ret_reply, size_t *ret_size)
{
	auto *connection = static_cast<Connection *>(to);
	grpc::ClientContext context;
	EchoMessage request;

	request.set_data(data, size);
	grpc::Status status = connection->stub->Echo(&context, request, &connection->reply);
	if (!status.ok())
		return complain(status);
	*ret_reply = connection->reply.data().data();
	*ret_size = connection->reply.data().size();
	return 0;
}

int start(void *to, uint32_t ticket, int32_t a, int32_t b)
{
	auto *connection = static_cast<Connection *>(to);
	Call &call = connection->calls[ticket];

	call.context = std::make_unique<grpc::ClientContext>();
	call.request.set_a(a);
	call.request.set_b(b);
	connection->stub->async()->Add(call.context.get(), &call.request, &call.reply,
				       [connection, ticket](grpc::Status status) {
					       std::lock_guard<std::mutex> guard(connection->lock);

					       if (status.ok())
						       connection->ended.push_back(ticket);
					       else
						       connection->failure = status;
					       connection->some.notify_one();
				       });
	return 0;
}

int wait_for_some(void *from, bench_ended ended, void *benchmark)
{
	auto *connection = static_cast<Connection *>(from);
	{
		std::unique_lock<std::mutex> guard(connection->lock);

		connection->some.wait(guard, [connection] {
			return !connection->ended.empty() || !connection->failure.ok();
		});
		if (!connection->failure.ok())
			return complain(connection->failure);
		connection->taken.swap(connection->ended);
	}
	for (uint32_t ticket : connection->taken)
		ended(benchmark, ticket, connection->calls[ticket].reply.sum());
	connection->taken.clear();
	return 0;
}

void disconnect(void *from)
{
	delete static_cast<Connection *>(from);
}

bench_contender make(const char *name, int (*serve)(const char *, bench_ready, void *),
		     uint32_t liked)
{
	bench_contender contender = {};

	contender.name = name;
	contender.serve = serve;
	contender.connect = connect_stub;
	contender.add = add;
	contender.echo = echo;
	contender.start = start;
	contender.wait = wait_for_some;
	contender.most_outstanding = outstanding;
	contender.liked_outstanding = liked;
	contender.disconnect = disconnect;
	return contender;
}

const bench_contender sync_server = make("grpc", serve_sync, 64);
const bench_contender callback_server = make("grpc-callback", serve_callback, 256);

} // namespace

const bench_contender *const bench_contenders[] = {&sync_server, &callback_server, nullptr};
