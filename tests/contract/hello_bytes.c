#include "tests/contract/hello_bytes.h"

#include <stdlib.h>
#include <string.h>

/* ---- Writing --------------------------------------------------------------------------------------------------------- */

static void put(struct hello_bytes *to, const void *data, size_t size)
{
	if (to->size + size > sizeof(to->data))
		abort();
	if (size > 0)
		memcpy(to->data + to->size, data, size);
	to->size += size;
}

static void put_number(struct hello_bytes *to, size_t number, int octets)
{
	for (int i = octets - 1; i >= 0; i--)
		put(to, &(uint8_t){(uint8_t)(number >> (8 * i))}, 1);
}

/* Begins a vector with a length of so many octets; close it with end_vector. */
static size_t begin_vector(struct hello_bytes *to, int octets)
{
	put_number(to, 0, octets);
	return to->size;
}

static void end_vector(struct hello_bytes *to, size_t begin, int octets)
{
	size_t size = to->size - begin;

	for (int i = 0; i < octets; i++)
		to->data[begin - 1 - (size_t)i] = (uint8_t)(size >> (8 * i));
}

static void put_list(struct hello_bytes *to, const uint16_t *list, int octets)
{
	size_t begin = begin_vector(to, octets);

	for (; *list != 0; list++)
		put_number(to, *list, 2);
	end_vector(to, begin, octets);
}

static void put_list_extension(struct hello_bytes *to, uint16_t type, const uint16_t *list, int octets)
{
	size_t begin;

	put_number(to, type, 2);
	begin = begin_vector(to, 2);
	put_list(to, list, octets);
	end_vector(to, begin, 2);
}

static void put_host_name(struct hello_bytes *to, const char *name, size_t size)
{
	put_number(to, 0, 1);
	put_number(to, size, 2);
	put(to, name, size);
}

static void put_server_name(struct hello_bytes *to, const struct hello_spec *spec)
{
	size_t begin;
	size_t list;

	put_number(to, 0, 2);
	begin = begin_vector(to, 2);
	list = begin_vector(to, 2);
	put_host_name(to, spec->name, spec->name_size ? spec->name_size : strlen(spec->name));
	if (spec->second_name)
		put_host_name(to, spec->second_name, strlen(spec->second_name));
	end_vector(to, list, 2);
	end_vector(to, begin, 2);
}

/* A valid share: the generator of secp256r1 (SEC 2, 2.4.2), or the base point of x25519. */
static void put_key_share(struct hello_bytes *to, uint16_t group)
{
	static const uint8_t generator[65] = {4, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6,
		0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39,
		0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb,
		0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40,
		0x68, 0x37, 0xbf, 0x51, 0xf5};
	static const uint8_t base[32] = {9};
	size_t begin;
	size_t list;

	put_number(to, 51, 2);
	begin = begin_vector(to, 2);
	list = begin_vector(to, 2);
	if (group == HELLO_NO_KEY_SHARE) {
		end_vector(to, list, 2);
		end_vector(to, begin, 2);
		return;
	}
	put_number(to, group, 2);
	put_number(to, group == 29 ? sizeof(base) : sizeof(generator), 2);
	if (group == 29)
		put(to, base, sizeof(base));
	else
		put(to, generator, sizeof(generator));
	end_vector(to, list, 2);
	end_vector(to, begin, 2);
}

static void put_extensions(struct hello_bytes *to, const struct hello_spec *spec)
{
	static const uint16_t usual_groups[] = {23, 29, 0};
	/* The one that a share comes for: some servers rather ask for a share of the group that they prefer. */
	static const uint16_t shared_group[] = {23, 0};
	static const uint16_t usual_schemes[] = {0x0403, 0x0804, 0x0401, 0};
	static const uint16_t both_versions[] = {UNITLS_TLS_1_3, UNITLS_TLS_1_2, 0};
	static const uint8_t formats[] = {0, 11, 0, 2, 1, 0};
	static const uint8_t renegotiation_info[] = {0xff, 1, 0, 1, 0};
	size_t begin = begin_vector(to, 2);

	if (spec->name)
		put_server_name(to, spec);
	if (spec->groups)
		put_list_extension(to, 10, spec->groups, 2);
	else
		put_list_extension(to, 10, spec->version == UNITLS_TLS_1_3 ? shared_group : usual_groups, 2);
	put(to, formats, sizeof(formats));
	put_list_extension(to, 13, spec->schemes ? spec->schemes : usual_schemes, 2);
	put(to, renegotiation_info, sizeof(renegotiation_info));
	if (spec->version == UNITLS_TLS_1_3) {
		put_list_extension(to, 43, both_versions, 1);
		put_key_share(to, spec->key_share ? spec->key_share : 23);
	}
	if (spec->alpn.size > 0) {
		put_number(to, 16, 2);
		put_number(to, spec->alpn.size + 2, 2);
		put_number(to, spec->alpn.size, 2);
		put(to, spec->alpn.data, spec->alpn.size);
	}
	put(to, spec->extra.data, spec->extra.size);
	if (spec->padding > 0) {
		put_number(to, 21, 2);
		put_number(to, spec->padding, 2);
		for (size_t i = 0; i < spec->padding; i++)
			put_number(to, 0, 1);
	}
	end_vector(to, begin, 2);
}

void hello_make(struct hello_bytes *hello, const struct hello_spec *spec)
{
	static const uint16_t suites_1_2[] = {0xc02b, 0xc02f, 0xc02c, 0xc030, 0};
	static const uint16_t suites_1_3[] = {0x1301, 0x1302, 0xc02b, 0xc02f, 0};
	const uint16_t *usual = spec->version == UNITLS_TLS_1_3 ? suites_1_3 : suites_1_2;
	size_t body;

	hello->size = 0;
	put_number(hello, 1, 1);
	body = begin_vector(hello, 3);
	put_number(hello, spec->legacy_version ? spec->legacy_version : 0x0303, 2);
	for (int i = 0; i < 32; i++)
		put_number(hello, (size_t)i * 7 + 1, 1);
	put_number(hello, 32, 1); /* a session id, which TLS 1.3 echoes */
	for (int i = 0; i < 32; i++)
		put_number(hello, (size_t)i, 1);
	put_list(hello, spec->suites ? spec->suites : usual, 2);
	put_number(hello, 1, 1);
	put_number(hello, spec->compression, 1);
	if (!spec->no_extensions)
		put_extensions(hello, spec);
	end_vector(hello, body, 3);
}

void records_append(struct hello_bytes *to, uint8_t type, const uint8_t *data, size_t size, size_t fragment)
{
	if (fragment == 0)
		fragment = UNITLS_RECORD_PLAINTEXT_MAX;
	while (size > 0) {
		size_t n = size < fragment ? size : fragment;

		put_number(to, type, 1);
		put_number(to, 0x0301, 2);
		put_number(to, n, 2);
		put(to, data, n);
		data += n;
		size -= n;
	}
}

void hello_record(struct hello_bytes *to, const struct hello_spec *spec)
{
	static struct hello_bytes message;

	hello_make(&message, spec);
	to->size = 0;
	records_append(to, 22, message.data, message.size, 0);
}

/* ---- Reading --------------------------------------------------------------------------------------------------------- */

/* Bytes that were found too short read as zeros: a flight is judged by what is known of it. */
static size_t number_at(struct unitls_bytes bytes, size_t at, size_t octets)
{
	size_t number = 0;

	for (size_t i = 0; i < octets; i++)
		number = number << 8 | (at + i < bytes.size ? bytes.data[at + i] : 0);
	return number;
}

static void read_extensions(struct flight *flight, struct unitls_bytes body, size_t at)
{
	size_t end = at + 2 + number_at(body, at, 2);

	for (at += 2; at + 4 <= end && at + 4 <= body.size; at += 4 + number_at(body, at + 2, 2)) {
		size_t type = number_at(body, at, 2);

		if (type == 43)
			flight->version = (uint16_t)number_at(body, at + 4, 2);
		if (type == 16 && at + 7 <= body.size)
			flight->alpn = (struct unitls_bytes){body.data + at + 7, number_at(body, at + 6, 1)};
	}
}

static void read_server_hello(struct flight *flight, struct unitls_bytes body)
{
	static const uint8_t retry[] = {0xcf, 0x21, 0xad, 0x74};
	size_t session_id = number_at(body, 34, 1);

	flight->retry = body.size > 6 && memcmp(body.data + 2, retry, sizeof(retry)) == 0;
	flight->server_hello = !flight->retry;
	flight->version = (uint16_t)number_at(body, 0, 2);
	flight->suite = (uint16_t)number_at(body, 35 + session_id, 2);
	read_extensions(flight, body, 35 + session_id + 3);
}

static void read_messages(struct flight *flight, const uint8_t *data, size_t size)
{
	struct unitls_bytes all = {data, size};

	for (size_t at = 0; at + 4 <= size;) {
		size_t length = number_at(all, at + 1, 3);
		struct unitls_bytes body = {data + at + 4, length < size - at - 4 ? length : size - at - 4};

		if (data[at] == 2)
			read_server_hello(flight, body);
		if (data[at] == 11 && flight->version == UNITLS_TLS_1_2)
			flight->certificate = (struct unitls_bytes){body.data + 6, number_at(body, 3, 3)};
		at += 4 + length;
	}
}

/* Joins the plain handshake records in place and reads them; the first alert counts. */
static void read_flight(struct flight *flight)
{
	struct unitls_bytes all = {flight->data, flight->size};
	size_t joined = 0;

	for (size_t at = 0, next; at + 5 <= flight->size; at = next) {
		size_t length = number_at(all, at + 3, 2);
		uint8_t type = flight->data[at];

		next = at + 5 + length; /* before the header is written over */
		if (next > flight->size)
			break;
		if (type == 21 && length == 2 && flight->alert == UNITLS_ALERT_NONE)
			flight->alert = flight->data[at + 6];
		if (type != 22)
			continue;
		memmove(flight->data + joined, flight->data + at + 5, length);
		joined += length;
	}
	read_messages(flight, flight->data, joined);
}

void server_answer(struct unitls_connection *server, const uint8_t *data, size_t size, const struct cut *cut,
	struct flight *ret_flight)
{
	uint64_t random = cut->seed;
	size_t at = 0;

	ret_flight->error = (struct unitls_error)UNITLS_ERROR_INIT;
	ret_flight->alert = UNITLS_ALERT_NONE;
	ret_flight->server_hello = ret_flight->retry = false;
	ret_flight->version = ret_flight->suite = 0;
	ret_flight->alpn = ret_flight->certificate = (struct unitls_bytes){NULL, 0};
	ret_flight->size = 0;
	do {
		size_t n = size - at;
		size_t taken;
		struct unitls_bytes out;

		if (cut->kind == CUT_ONE_BYTE && n > 1)
			n = 1;
		else if (cut->kind == CUT_RANDOM && n > 1)
			n = 1 + (size_t)(contract_random(&random) % n);
		unitls_connection_receive(server, data + at, n, &taken);
		at += taken;
		ret_flight->status = unitls_connection_handshake(server, &ret_flight->error);
		out = unitls_connection_peek_outgoing(server);
		if (ret_flight->size + out.size > sizeof(ret_flight->data))
			abort();
		if (out.size > 0)
			memcpy(ret_flight->data + ret_flight->size, out.data, out.size);
		ret_flight->size += out.size;
		unitls_connection_consume_outgoing(server, out.size);
		if (taken == 0 && n > 0)
			break;
	} while (at < size && ret_flight->status >= 0);
	read_flight(ret_flight);
}
