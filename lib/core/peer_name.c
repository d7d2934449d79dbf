/*
 * Peer names and the one rule by which a certificate's names match them. Pure; no resolver, no locale.
 */
#include "core/peer_name.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/backend.h"

#define LABEL_MAX 63 /* RFC 1035, 2.3.4 */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool is_label_octet(uint8_t c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Size of the label at the start of bytes; 0 when it is empty, too long, or has an octet that no label has. */
static size_t label_size(struct unitls_bytes bytes)
{
	size_t n = 0;

	while (n < bytes.size && bytes.data[n] != '.') {
		if (n == LABEL_MAX || !is_label_octet(bytes.data[n]))
			return 0;
		n++;
	}
	return n;
}

/* Counts the labels of a DNS name without a trailing dot; 0 when it is none. The last one's start goes to *last. */
static size_t count_labels(struct unitls_bytes name, struct unitls_bytes *ret_last)
{
	size_t labels = 0;

	if (name.size == 0 || name.size > UNITLS_DNS_NAME_MAX)
		return 0;
	for (;;) {
		size_t n = label_size(name);

		if (n == 0)
			return 0;
		labels++;
		*ret_last = name;
		if (n == name.size)
			return labels;
		name.data += n + 1;
		name.size -= n + 1;
	}
}

static bool is_number(struct unitls_bytes label)
{
	for (size_t i = 0; i < label.size; i++)
		if (label.data[i] < '0' || label.data[i] > '9')
			return false;
	return true;
}

/* A DNS name; one that ends in a number is an IPv4 address in some notation, or nothing. */
static bool is_dns_name(struct unitls_bytes name)
{
	struct unitls_bytes last;

	return count_labels(name, &last) > 0 && !is_number(last);
}

static struct unitls_bytes without_dot(const char *text)
{
	struct unitls_bytes name = {(const uint8_t *)text, strnlen(text, UNITLS_DNS_NAME_MAX + 2)};

	if (name.size > 1 && text[name.size - 1] == '.')
		name.size--;
	return name;
}

static int refuse(struct unitls_error *error, const char *text, const char *why)
{
	return unitls_error_set_field(
		error, UNITLS_ERROR_CLASS_CONFIG, "server_name", "\"%.*s\" %s", 64, text, why);
}

int unitls_peer_name_dns(const char *name, struct unitls_peer_name *ret_name, struct unitls_error *error)
{
	struct unitls_peer_name result = {.type = UNITLS_PEER_NAME_DNS};
	struct unitls_bytes bytes = without_dot(name);

	if (!is_dns_name(bytes))
		return refuse(error, name, "is no DNS name");
	for (size_t i = 0; i < bytes.size; i++)
		result.text[i] = (char)lower(bytes.data[i]);
	*ret_name = result;
	return UNITLS_OK;
}

int unitls_peer_name_ip(const char *address, struct unitls_peer_name *ret_name, struct unitls_error *error)
{
	struct unitls_peer_name result = {.type = UNITLS_PEER_NAME_IPV4};
	int family = AF_INET;

	if (inet_pton(AF_INET, address, result.address) != 1) {
		family = AF_INET6;
		result.type = UNITLS_PEER_NAME_IPV6;
		if (inet_pton(AF_INET6, address, result.address) != 1)
			return refuse(error, address, "is no IP address");
	}
	if (inet_ntop(family, result.address, result.text, sizeof(result.text)) == NULL)
		return refuse(error, address, "is no IP address");
	*ret_name = result;
	return UNITLS_OK;
}

int unitls_peer_name_parse(const char *text, struct unitls_peer_name *ret_name, struct unitls_error *error)
{
	if (unitls_peer_name_ip(text, ret_name, NULL) == UNITLS_OK ||
		unitls_peer_name_dns(text, ret_name, NULL) == UNITLS_OK)
		return UNITLS_OK;
	return refuse(error, text, "is neither a DNS name nor an IP address");
}

static bool equal_ignoring_case(struct unitls_bytes a, struct unitls_bytes b)
{
	if (a.size != b.size)
		return false;
	for (size_t i = 0; i < a.size; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

static struct unitls_bytes skip(struct unitls_bytes bytes, size_t n)
{
	bytes.data += n;
	bytes.size -= n;
	return bytes;
}

bool unitls_dns_name_matches(struct unitls_bytes presented, const char *reference)
{
	struct unitls_bytes name = without_dot(reference);
	struct unitls_bytes last;

	if (!is_dns_name(name))
		return false;
	if (presented.size > 2 && presented.data[0] == '*' && presented.data[1] == '.') {
		/* RFC 9525, 6.3: the wildcard stands for the whole left-most label; what is behind it is compared, dot included. */
		presented = skip(presented, 2);
		if (count_labels(presented, &last) < 2)
			return false;
		name = skip(name, label_size(name));
		return name.size > 0 && equal_ignoring_case(presented, skip(name, 1));
	}
	return count_labels(presented, &last) > 0 && equal_ignoring_case(presented, name);
}

/* One name of a certificate against the expected one. */
static bool name_matches(
	const struct unitls_peer_name *expected, enum unitls_name_type type, struct unitls_bytes name)
{
	size_t address_size = expected->type == UNITLS_PEER_NAME_IPV4 ? 4 : 16;

	switch (expected->type) {
	case UNITLS_PEER_NAME_DNS:
		return type == UNITLS_NAME_DNS && unitls_dns_name_matches(name, expected->text);
	case UNITLS_PEER_NAME_IPV4:
	case UNITLS_PEER_NAME_IPV6:
		return type == UNITLS_NAME_IP && name.size == address_size &&
			memcmp(name.data, expected->address, address_size) == 0;
	case UNITLS_PEER_NAME_NONE:
	case UNITLS_PEER_NAME_UNCHECKED:
		break;
	}
	return false;
}

bool unitls_peer_name_matches(const struct unitls_peer_name *expected, const struct unitls_x509 *certificate)
{
	struct unitls_der reader;
	enum unitls_name_type type;
	struct unitls_bytes name;

	if (expected->type == UNITLS_PEER_NAME_UNCHECKED)
		return true;
	unitls_der_init(&reader, certificate->alternative_names);
	while (unitls_x509_next_name(&reader, &type, &name))
		if (name_matches(expected, type, name))
			return true;
	return false;
}

enum unitls_verify_reason unitls_backend_check_peer_name(
	const struct unitls_peer_name *expected, struct unitls_bytes der)
{
	struct unitls_x509 certificate;

	if (expected->type == UNITLS_PEER_NAME_UNCHECKED)
		return UNITLS_VERIFY_NONE;
	if (unitls_x509_parse(der, &certificate) != NULL)
		return UNITLS_VERIFY_MALFORMED;
	if (!unitls_peer_name_matches(expected, &certificate))
		return UNITLS_VERIFY_NAME_MISMATCH;
	return UNITLS_VERIFY_NONE;
}
