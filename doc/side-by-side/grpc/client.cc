// client.cc - calls the calculator. A call has no deadline unless one is set, as gRPC's guide says
// to.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <iostream>

#include "calc.grpc.pb.h"

static void set_deadline(grpc::ClientContext &context)
{
	context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
}

static int failed(const grpc::Status &status)
{
	std::cerr << "client: " << status.error_code() << ": " << status.error_message() << "\n";
	return 1;
}

int main(int argc, char **argv)
{
	int a, b;

	if (argc != 4 || sscanf(argv[2], "%d", &a) != 1 || sscanf(argv[3], "%d", &b) != 1) {
		std::cerr << "usage: client ADDRESS NUMBER NUMBER\n";
		return 2;
	}
	auto stub = Calculator::NewStub(
		grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));

	AddRequest add;
	AddReply sum;
	grpc::ClientContext add_context;
	set_deadline(add_context);
	add.set_a(a);
	add.set_b(b);
	grpc::Status status = stub->Add(&add_context, add, &sum);
	if (!status.ok())
		return failed(status);
	std::cout << a << " + " << b << " = " << sum.sum() << std::endl;

	DivideRequest divide;
	DivideReply result;
	grpc::ClientContext divide_context;
	set_deadline(divide_context);
	divide.set_dividend(a);
	divide.set_divisor(b);
	status = stub->Divide(&divide_context, divide, &result);
	if (!status.ok())
		return failed(status);
	std::cout << a << " / " << b << " = " << result.quotient() << ", remainder "
		  << result.remainder() << std::endl;
	return 0;
}
