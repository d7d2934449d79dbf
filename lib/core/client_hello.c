/*
 * ClientHello parser. Strict about structure (a malformed hello is refused here, alike for all backends), silent about extensions it does
 * not know.
 */
#include "core/client_hello.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/reader.h"

enum extension_type {
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_SUPPORTED_GROUPS = 10,
	EXTENSION_EC_POINT_FORMATS = 11,
	EXTENSION_SIGNATURE_ALGORITHMS = 13,
	EXTENSION_ALPN = 16,
	EXTENSION_SESSION_TICKET = 35,
	EXTENSION_PRE_SHARED_KEY = 41,
	EXTENSION_SUPPORTED_VERSIONS = 43,
	EXTENSION_SIGNATURE_ALGORITHMS_CERT = 50,
};

#define EXTENSIONS_MAX \
	128 /* far above what clients send (about 20, with GREASE); bounds the search for duplicates */
#define HANDSHAKE_CLIENT_HELLO 1

static int refuse(struct unitls_error *error, int alert, const char *what)
{
	return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, alert, "ClientHello: %s", what);
}

/* An IP literal is not allowed as a host name (RFC 6066, 3), but sloppy clients send it: it counts as no name. */
static bool is_ip_literal(const char *name)
{
	uint8_t address[16];

	return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static int take_host_name(struct unitls_client_hello *hello, struct unitls_bytes name, struct unitls_error *error)
{
	char text[UNITLS_DNS_NAME_MAX + 2]; /* one more than the limit, for a trailing dot */
	struct unitls_peer_name normalised;

	if (name.size == 0 || name.size >= sizeof(text) || memchr(name.data, 0, name.size))
		return refuse(error, UNITLS_ALERT_ILLEGAL_PARAMETER, "server_name is no host name");
	memcpy(text, name.data, name.size);
	text[name.size] = '\0';
	if (is_ip_literal(text))
		return UNITLS_OK;
	if (unitls_peer_name_dns(text, &normalised, NULL) < 0)
		return refuse(error, UNITLS_ALERT_ILLEGAL_PARAMETER, "server_name is no host name");
	memcpy(hello->server_name, normalised.text, sizeof(hello->server_name));
	hello->has_server_name = true;
	return UNITLS_OK;
}

/* RFC 6066, 3: at most one name of a type. Other types than host_name (0) do not exist; they are passed over. */
static int parse_server_name(
	struct unitls_client_hello *hello, struct unitls_bytes body, struct unitls_error *error)
{
	struct unitls_reader reader = unitls_reader_init(body);
	struct unitls_reader names = unitls_reader_init(unitls_reader_vector16(&reader));
	bool seen = false;
	int status;

	if (!unitls_reader_done(&reader) || names.size == 0)
		return refuse(error, UNITLS_ALERT_DECODE_ERROR, "malformed server_name");
	while (names.size > 0 && !names.failed) {
		uint8_t type = unitls_reader_u8(&names);
		struct unitls_bytes name = unitls_reader_vector16(&names);

		if (names.failed)
			break;
		if (type != 0)
			continue;
		if (seen)
			return refuse(error, UNITLS_ALERT_ILLEGAL_PARAMETER, "two server names");
		seen = true;
		status = take_host_name(hello, name, error);
		if (status < 0)
			return status;
	}
	if (names.failed)
		return refuse(error, UNITLS_ALERT_DECODE_ERROR, "malformed server_name");
	return UNITLS_OK;
}

/* RFC 7301, 3.1: a list of at least one name of 1 to 255 octets. */
static int parse_alpn(struct unitls_client_hello *hello, struct unitls_bytes body, struct unitls_error *error)
{
	struct unitls_reader reader = unitls_reader_init(body);
	struct unitls_bytes list = unitls_reader_vector16(&reader);
	struct unitls_reader names = unitls_reader_init(list);

	if (!unitls_reader_done(&reader) || list.size == 0)
		return refuse(error, UNITLS_ALERT_DECODE_ERROR, "malformed ALPN list");
	while (names.size > 0 && !names.failed)
		if (unitls_reader_vector8(&names).size == 0)
			names.failed = true;
	if (names.failed)
		return refuse(error, UNITLS_ALERT_DECODE_ERROR, "malformed ALPN list");
	hello->has_alpn = true;
	hello->alpn = list;
	return UNITLS_OK;
}

/* RFC 8422, 5.1.2: the one format left must be among those offered. Not every library looks. */
static int parse_point_formats(struct unitls_bytes body, struct unitls_error *error)
{
	struct unitls_reader reader = unitls_reader_init(body);
	struct unitls_bytes list = unitls_reader_vector8(&reader);

	if (!unitls_reader_done(&reader) || list.size == 0)
		return refuse(error, UNITLS_ALERT_DECODE_ERROR, "malformed list of point formats");
	if (!memchr(list.data, 0, list.size))
		return refuse(error, UNITLS_ALERT_ILLEGAL_PARAMETER, "no uncompressed points");
	return UNITLS_OK;
}

/* A list of 16-bit values that fills its extension; prefix: octets of the list's length. */
static int parse_u16_list(struct unitls_bytes body, int prefix, struct unitls_bytes *ret_list, bool *ret_present,
	struct unitls_error *error)
{
	struct unitls_reader reader = unitls_reader_init(body);
	struct unitls_bytes list = prefix == 1 ? unitls_reader_vector8(&reader) : unitls_reader_vector16(&reader);

	if (!unitls_reader_done(&reader) || list.size < 2 || list.size % 2 != 0)
		return refuse(error, UNITLS_ALERT_DECODE_ERROR, "malformed list in an extension");
	*ret_list = list;
	*ret_present = true;
	return UNITLS_OK;
}

static int parse_extension(
	struct unitls_client_hello *hello, uint16_t type, struct unitls_bytes body, struct unitls_error *error)
{
	switch (type) {
	case EXTENSION_SERVER_NAME:
		return parse_server_name(hello, body, error);
	case EXTENSION_ALPN:
		return parse_alpn(hello, body, error);
	case EXTENSION_SUPPORTED_VERSIONS:
		return parse_u16_list(body, 1, &hello->supported_versions, &hello->has_supported_versions, error);
	case EXTENSION_SUPPORTED_GROUPS:
		return parse_u16_list(body, 2, &hello->groups, &hello->has_groups, error);
	case EXTENSION_EC_POINT_FORMATS:
		return parse_point_formats(body, error);
	case EXTENSION_SIGNATURE_ALGORITHMS:
		return parse_u16_list(body, 2, &hello->signature_schemes, &hello->has_signature_schemes, error);
	case EXTENSION_SIGNATURE_ALGORITHMS_CERT:
		return parse_u16_list(
			body, 2, &hello->signature_schemes_cert, &hello->has_signature_schemes_cert, error);
	case EXTENSION_SESSION_TICKET:
		if (body.size > 0) /* RFC 5077, 3.2: empty asks for one */
			hello->offers_session = true;
		return UNITLS_OK;
	case EXTENSION_PRE_SHARED_KEY:
		hello->offers_session = true;
		return UNITLS_OK;
	default:
		return UNITLS_OK;
	}
}

/* RFC 8446, 4.2: no extension twice; pre_shared_key last. */
static int parse_extensions(
	struct unitls_client_hello *hello, struct unitls_bytes block, struct unitls_error *error)
{
	struct unitls_reader reader = unitls_reader_init(block);
	uint16_t seen[EXTENSIONS_MAX];
	size_t n = 0;
	int status;

	while (reader.size > 0) {
		uint16_t type = unitls_reader_u16(&reader);
		struct unitls_bytes body = unitls_reader_vector16(&reader);

		if (reader.failed)
			return refuse(error, UNITLS_ALERT_DECODE_ERROR, "malformed extensions");
		if (n == EXTENSIONS_MAX)
			return refuse(error, UNITLS_ALERT_ILLEGAL_PARAMETER, "too many extensions");
		for (size_t i = 0; i < n; i++)
			if (seen[i] == type)
				return refuse(error, UNITLS_ALERT_ILLEGAL_PARAMETER, "an extension twice");
		seen[n++] = type;
		if (type == EXTENSION_PRE_SHARED_KEY && reader.size > 0)
			return refuse(
				error, UNITLS_ALERT_ILLEGAL_PARAMETER, "pre_shared_key is not the last extension");
		status = parse_extension(hello, type, body, error);
		if (status < 0)
			return status;
	}
	return UNITLS_OK;
}

static int parse_body(struct unitls_client_hello *hello, struct unitls_error *error)
{
	struct unitls_reader reader = unitls_reader_init((struct unitls_bytes){hello->raw, hello->raw_size});
	uint8_t type = unitls_reader_u8(&reader);
	uint32_t length = unitls_reader_u24(&reader);
	struct unitls_bytes session_id;
	struct unitls_bytes compression;
	struct unitls_bytes extensions = {NULL, 0};

	if (reader.failed || type != HANDSHAKE_CLIENT_HELLO || length != reader.size)
		return refuse(error, UNITLS_ALERT_DECODE_ERROR, "wrong length");
	hello->legacy_version = unitls_reader_u16(&reader);
	(void)unitls_reader_bytes(&reader, 32); /* random: not ours to look at */
	session_id = unitls_reader_vector8(&reader);
	hello->cipher_suites = unitls_reader_vector16(&reader);
	compression = unitls_reader_vector8(&reader);
	if (!reader.failed && reader.size > 0)
		extensions = unitls_reader_vector16(&reader);
	if (!unitls_reader_done(&reader) || session_id.size > 32 || hello->cipher_suites.size < 2 ||
		hello->cipher_suites.size % 2 != 0 || compression.size < 1)
		return refuse(error, UNITLS_ALERT_DECODE_ERROR, "malformed");
	if (hello->legacy_version >> 8 != 3)
		return refuse(error, UNITLS_ALERT_PROTOCOL_VERSION, "no version of TLS");
	if (!memchr(compression.data, 0, compression.size))
		return refuse(error, UNITLS_ALERT_ILLEGAL_PARAMETER, "no null compression");
	return parse_extensions(hello, extensions, error);
}

int unitls_client_hello_parse(
	const uint8_t *message, size_t size, struct unitls_client_hello **ret_hello, struct unitls_error *error)
{
	struct unitls_client_hello *hello = calloc(1, sizeof(*hello));
	int status;

	if (hello)
		hello->raw = malloc(size > 0 ? size : 1);
	if (!hello || !hello->raw) {
		unitls_client_hello_free(hello);
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a ClientHello");
	}
	if (size > 0)
		memcpy(hello->raw, message, size);
	hello->raw_size = size;
	status = parse_body(hello, error);
	if (status < 0) {
		unitls_client_hello_free(hello);
		return status;
	}
	*ret_hello = hello;
	return UNITLS_OK;
}

void unitls_client_hello_free(struct unitls_client_hello *hello)
{
	if (!hello)
		return;
	free(hello->raw);
	free(hello);
}

static bool u16_at(struct unitls_bytes list, size_t i, uint16_t *ret_value)
{
	if (i >= list.size / 2)
		return false;
	*ret_value = (uint16_t)(list.data[2 * i] << 8 | list.data[2 * i + 1]);
	return true;
}

const char *unitls_client_hello_server_name(const struct unitls_client_hello *hello)
{
	return hello->has_server_name ? hello->server_name : NULL;
}

bool unitls_client_hello_alpn_at(const struct unitls_client_hello *hello, size_t i, struct unitls_bytes *ret_name)
{
	struct unitls_reader names = unitls_reader_init(hello->alpn);

	for (; names.size > 0; i--) {
		struct unitls_bytes name = unitls_reader_vector8(&names);

		if (i == 0) {
			*ret_name = name;
			return true;
		}
	}
	return false;
}

bool unitls_client_hello_offers_version(const struct unitls_client_hello *hello, uint16_t version)
{
	uint16_t offered;

	if (!hello->has_supported_versions)
		return version < UNITLS_TLS_1_3 && version <= hello->legacy_version;
	for (size_t i = 0; u16_at(hello->supported_versions, i, &offered); i++)
		if (offered == version)
			return true;
	return false;
}

bool unitls_client_hello_cipher_suite_at(const struct unitls_client_hello *hello, size_t i, uint16_t *ret_suite)
{
	return u16_at(hello->cipher_suites, i, ret_suite);
}

bool unitls_client_hello_group_at(const struct unitls_client_hello *hello, size_t i, uint16_t *ret_group)
{
	return u16_at(hello->groups, i, ret_group);
}

bool unitls_client_hello_signature_scheme_at(
	const struct unitls_client_hello *hello, size_t i, uint16_t *ret_scheme)
{
	return u16_at(hello->signature_schemes, i, ret_scheme);
}

struct unitls_bytes unitls_client_hello_raw(const struct unitls_client_hello *hello)
{
	return (struct unitls_bytes){hello->raw, hello->raw_size};
}
