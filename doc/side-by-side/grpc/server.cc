// server.cc - the calculator by gRPC's synchronous C++ interface, on a Unix socket.
#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <iostream>
#include <string>

#include "calc.grpc.pb.h"

class CalculatorImpl final : public Calculator::Service
{
	grpc::Status Add(grpc::ServerContext *, const AddRequest *request, AddReply *reply) override
	{
		int32_t sum;

		if (__builtin_add_overflow(request->a(), request->b(), &sum))
			return {grpc::StatusCode::OUT_OF_RANGE,
				std::to_string(request->a()) + " + " +
					std::to_string(request->b()) + " is over 32 bits"};
		reply->set_sum(sum);
		return grpc::Status::OK;
	}

	grpc::Status Divide(grpc::ServerContext *, const DivideRequest *request,
			    DivideReply *reply) override
	{
		int32_t dividend = request->dividend(), divisor = request->divisor();

		if (divisor == 0 || (dividend == INT32_MIN && divisor == -1))
			return {grpc::StatusCode::INVALID_ARGUMENT,
				"cannot divide " + std::to_string(dividend) + " by " +
					std::to_string(divisor)};
		reply->set_quotient(dividend / divisor);
		reply->set_remainder(dividend % divisor);
		return grpc::Status::OK;
	}
};

int main(int argc, char **argv)
{
	CalculatorImpl service;
	grpc::ServerBuilder builder;

	if (argc != 2) {
		std::cerr << "usage: server ADDRESS\n";
		return 2;
	}
	builder.AddListeningPort(argv[1], grpc::InsecureServerCredentials());
	builder.RegisterService(&service);
	std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
	if (server == nullptr) {
		std::cerr << "server: cannot listen on " << argv[1] << "\n";
		return 1;
	}
	server->Wait();
	return 0;
}
