/*
 * Feeds bytes to the certificate parser, and matches what it finds against names. Every view must lie inside of the certificate.
 */
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/x509.h"

static void check(bool good)
{
	if (!good)
		abort();
}

static void inside(struct unitls_bytes outer, struct unitls_bytes inner)
{
	if (inner.size > 0)
		check(inner.data >= outer.data && inner.size <= outer.size &&
			(size_t)(inner.data - outer.data) <= outer.size - inner.size);
}

/* A name that matches a reference equals it, or is a wildcard that ends like it. */
static void match(struct unitls_bytes name)
{
	static const char *const references[] = {"a.example", "www.b.example", "localhost", "xn--a.example"};

	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
		if (!unitls_dns_name_matches(name, references[i]))
			continue;
		check(name.size > 0 && memchr(name.data, 0, name.size) == NULL);
		check(name.data[0] == '*' || name.size == strlen(references[i]));
	}
}

/* Text is whole, or as much of it as fits, and nothing in it moves a terminal's cursor. */
static void write_name(struct unitls_bytes name)
{
	static char text[1 << 16];
	char cut[20];
	size_t needed = unitls_distinguished_name_text(name, text, sizeof(text));
	size_t size = strlen(text);

	check(size == needed || (size < needed && needed >= sizeof(text)));
	for (size_t i = 0; i < size; i++)
		check((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
	check(unitls_distinguished_name_text(name, cut, sizeof(cut)) == needed);
	check(strlen(cut) <= needed && memcmp(cut, text, strlen(cut)) == 0);
}

static void walk(const struct unitls_certificate *certificate)
{
	struct unitls_bytes der = unitls_certificate_der(certificate);
	struct unitls_peer_name peer;
	enum unitls_name_type type;
	struct unitls_bytes name;

	inside(der, unitls_certificate_subject(certificate));
	inside(der, unitls_certificate_issuer(certificate));
	inside(der, unitls_certificate_spki(certificate));
	inside(der, unitls_certificate_common_name(certificate));
	write_name(unitls_certificate_subject(certificate));
	write_name(unitls_certificate_issuer(certificate));
	check(unitls_certificate_not_before(certificate) <= INT64_C(253402300799));
	check(unitls_certificate_not_after(certificate) >= INT64_C(-62167219200));
	for (size_t i = 0; unitls_certificate_name_at(certificate, i, &type, &name); i++) {
		inside(der, name);
		check(type != UNITLS_NAME_IP || name.size == 4 || name.size == 16);
		match(name);
	}
	for (int i = 0; i < 3; i++) {
		static const char *const peers[] = {"www.b.example", "192.0.2.1", "2001:db8::1"};
		bool matches;

		if (unitls_peer_name_parse(peers[i], &peer, NULL) < 0)
			abort();
		matches = unitls_certificate_matches(certificate, &peer);
		check(unitls_backend_check_peer_name(&peer, der) ==
			(matches ? UNITLS_VERIFY_NONE : UNITLS_VERIFY_NAME_MISMATCH));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unitls_bytes bytes = {data, size};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_certificate *certificate;
	struct unitls_peer_name peer;
	char text[300];

	if (unitls_certificate_from_mem(data, size, &certificate, &error) == UNITLS_OK) {
		walk(certificate);
		unitls_certificate_unref(certificate);
	} else {
		check(error.error_class == UNITLS_ERROR_CLASS_CONFIG && strcmp(error.field, "certificate") == 0);
	}

	write_name(bytes);
	/* The same bytes as a presented and as a reference name. */
	match(bytes);
	size = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
	memcpy(text, data, size);
	text[size] = '\0';
	if (unitls_peer_name_parse(text, &peer, NULL) == UNITLS_OK && peer.type == UNITLS_PEER_NAME_DNS)
		check(unitls_dns_name_matches(
			(struct unitls_bytes){(const uint8_t *)peer.text, strlen(peer.text)}, text));
	return 0;
}
