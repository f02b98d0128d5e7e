/* client.c - calls the calculator; what comes back, comes to a closure. */
#include <stdio.h>

#include "calc.pb-c.h"
#include "transport.h"

typedef struct job {
	int a;
	int b;
	int status;
} job;

static void fail(job *job, const char *error)
{
	fprintf(stderr, "client: %s\n", error);
	job->status = 1;
}

static void print_sum(const AddReply *reply, void *data)
{
	job *job = data;

	if (reply == NULL)
		fail(job, "add: the call failed");
	else if (*reply->error != '\0')
		fail(job, reply->error);
	else
		printf("%d + %d = %d\n", job->a, job->b, reply->sum);
}

static void print_quotient(const DivideReply *reply, void *data)
{
	job *job = data;

	if (reply == NULL)
		fail(job, "divide: the call failed");
	else if (*reply->error != '\0')
		fail(job, reply->error);
	else
		printf("%d / %d = %d, remainder %d\n", job->a, job->b, reply->quotient,
		       reply->remainder);
}

int main(int argc, char **argv)
{
	AddRequest add = ADD_REQUEST__INIT;
	DivideRequest divide = DIVIDE_REQUEST__INIT;
	ProtobufCService *calc;
	job job = {0};

	if (argc != 4 || sscanf(argv[2], "%d", &job.a) != 1 || sscanf(argv[3], "%d", &job.b) != 1) {
		fprintf(stderr, "usage: client SOCKET NUMBER NUMBER\n");
		return 2;
	}
	calc = transport_connect(&calculator__descriptor, argv[1]);
	if (calc == NULL) {
		perror("client: connect");
		return 1;
	}
	add.a = job.a;
	add.b = job.b;
	calculator__add(calc, &add, print_sum, &job);
	if (job.status == 0) {
		divide.dividend = job.a;
		divide.divisor = job.b;
		calculator__divide(calc, &divide, print_quotient, &job);
	}
	protobuf_c_service_destroy(calc);
	return job.status;
}
