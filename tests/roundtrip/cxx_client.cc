/*
 * cxx_client.cc - a client in C++: what mqcallc writes is C++17 too, and links with it.
 */
#include "cxx_client.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "failures.mqc.h"
#include "known.mqc.h"
#include "legacy.mqc.h"
#include "numbers.mqc.h"
#include "rt/parts/parts.mqc.h"
#include "rt/parts/point.mqc.h"
#include "shapes.mqc.h"
#include "texts.mqc.h"

namespace
{

using Client = std::unique_ptr<mqc_client, mqc_client *(*)(mqc_client *)>;

/* The function form: an array goes in, another comes out. */
bool numbers_work(mqc_client *client)
{
	const std::vector<int64_t> numbers = {INT64_MIN, -1, 0, INT64_MAX};
	int64_t one = 0, maybe = 0, *many = nullptr;
	bool has_maybe = true;
	size_t n_many = 0;

	if (numbers_int64(client, 5, nullptr, numbers.data(), numbers.size(), nullptr, 0, &one,
			  &has_maybe, &maybe, &many, &n_many, nullptr, nullptr) < 0)
		return false;
	const std::vector<int64_t> answer(many, many + n_many);
	free(many);
	return one == 5 && !has_maybe && answer == numbers;
}

bool texts_work(mqc_client *client)
{
	const std::string text = "\320\234\320\270\321\200";
	char *one = nullptr, *maybe = nullptr;

	if (texts_strings(client, text.c_str(), nullptr, nullptr, 0, &one, &maybe, nullptr,
			  nullptr) < 0)
		return false;
	const bool same = text == one && maybe == nullptr;
	free(one);
	return same;
}

/* The message form. */
bool shapes_work(mqc_client *client)
{
	Rt__Parts__V1__Point point = RT__PARTS__V1__POINT__INIT;
	Rt__Parts__V1__Leg request = RT__PARTS__V1__LEG__INIT, *reply = nullptr;

	point.x = -7;
	request.to = &point;
	request.unit = RT__PARTS__V1__UNIT__UNIT_BELOW;
	if (shapes_leg_msg(client, nullptr, &request, &reply) < 0)
		return false;
	const bool same = reply->from == nullptr && reply->to != nullptr && reply->to->x == -7 &&
			  reply->unit == RT__PARTS__V1__UNIT__UNIT_BELOW;
	rt__parts__v1__leg__free_unpacked(reply, nullptr);
	return same;
}

bool legacy_works(mqc_client *client)
{
	float number = 0;
	bool flag = false;

	return legacy_untouched(client, &number, nullptr, &flag, nullptr, nullptr, nullptr,
				nullptr) == MQC_OK &&
	       number == 1.5F && flag;
}

bool known_works(mqc_client *client)
{
	int64_t seconds = 0;
	int32_t nanos = 0;

	return known_nothing(client) == MQC_OK &&
	       known_later(client, -1, 999999999, &seconds, &nanos) == MQC_OK && seconds == -1 &&
	       nanos == 999999999;
}

bool failures_work(mqc_client *client)
{
	return failures_fail_flat(client, MQC_NOT_FOUND, "gone", nullptr, nullptr, nullptr,
				  nullptr) == MQC_NOT_FOUND &&
	       std::strcmp(mqc_error_last()->text, "gone") == 0;
}

} // namespace

const char *cxx_client_run(const char *endpoint)
{
	mqc_client_options options = {};
	mqc_client *opened = nullptr;

	options.reply_messages = 2;
	if (mqc_client_open(endpoint, &options, &opened) < 0)
		return mqc_error_last()->text;
	const Client client(opened, mqc_client_close);
	if (!numbers_work(client.get()))
		return "numbers";
	if (!texts_work(client.get()))
		return "texts";
	if (!shapes_work(client.get()))
		return "shapes";
	if (!legacy_works(client.get()))
		return "legacy";
	if (!known_works(client.get()))
		return "known";
	return failures_work(client.get()) ? nullptr : "failures";
}
