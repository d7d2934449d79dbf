#include "backends/gnutls/key.h"

#include <limits.h>

#include "backends/gnutls/trust.h"

#define TAG_INTEGER  0x02
#define TAG_OCTETS   0x04
#define TAG_SEQUENCE 0x30

/* Takes one value with this tag off the front; false when another is there. Lengths of up to two octets: a key on a curve is shorter than 64 kB. */
static bool take_der(struct unitls_bytes *from, uint8_t tag, struct unitls_bytes *ret_value)
{
	size_t header = 2;
	size_t size;

	if (from->size < 2 || from->data[0] != tag)
		return false;
	size = from->data[1];
	if (size > 0x82)
		return false;
	if (size >= 0x80) {
		size_t octets = size - 0x80;

		header += octets;
		if (octets == 0 || from->size < header)
			return false;
		size = octets == 1 ? from->data[2] : (size_t)(from->data[2] << 8 | from->data[3]);
	}
	if (size > from->size - header)
		return false;
	*ret_value = (struct unitls_bytes){from->data + header, size};
	from->data += header + size;
	from->size -= header + size;
	return true;
}

/* RFC 5915: ECPrivateKey ::= SEQUENCE { version 1, privateKey OCTET STRING, ... } */
static bool find_in_sec1(struct unitls_bytes der, struct unitls_bytes *ret_secret)
{
	struct unitls_bytes body;
	struct unitls_bytes version;

	return take_der(&der, TAG_SEQUENCE, &body) && take_der(&body, TAG_INTEGER, &version) &&
		version.size == 1 && version.data[0] == 1 && take_der(&body, TAG_OCTETS, ret_secret);
}

bool gtls_key_find_secret(struct unitls_bytes der, struct unitls_bytes *ret_secret)
{
	struct unitls_bytes outer = der;
	struct unitls_bytes body;
	struct unitls_bytes value;

	if (find_in_sec1(der, ret_secret))
		return true;
	/* RFC 5958: SEQUENCE { version 0, algorithm SEQUENCE, privateKey OCTET STRING holding an ECPrivateKey, ... } */
	return take_der(&outer, TAG_SEQUENCE, &body) && take_der(&body, TAG_INTEGER, &value) &&
		take_der(&body, TAG_SEQUENCE, &value) && take_der(&body, TAG_OCTETS, &value) &&
		find_in_sec1(value, ret_secret);
}

/* The key out of its secret number and the public half in leaf, if these belong together. */
static int join_halves(gnutls_x509_privkey_t key, struct unitls_bytes der, gnutls_pubkey_t leaf)
{
	gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
	gnutls_datum_t x = {NULL, 0};
	gnutls_datum_t y = {NULL, 0};
	struct unitls_bytes secret;
	gnutls_datum_t k;
	int ret;

	if (!gtls_key_find_secret(der, &secret) || gnutls_pubkey_get_pk_algorithm(leaf, NULL) != GNUTLS_PK_ECDSA)
		return GNUTLS_E_PARSING_ERROR;
	k = gtls_datum(secret);
	ret = gnutls_pubkey_export_ecc_raw(leaf, &curve, &x, &y);
	if (ret == 0)
		ret = gnutls_x509_privkey_import_ecc_raw(key, curve, &x, &y, &k);
	if (ret == 0)
		ret = gnutls_x509_privkey_verify_params(key);
	gnutls_free(x.data);
	gnutls_free(y.data);
	return ret;
}

static int import(gnutls_x509_privkey_t key, const struct unitls_context_params *params)
{
	gnutls_datum_t data = gtls_datum(params->key);

	if (params->key_format == UNITLS_KEY_FORMAT_PEM) {
		data.size--; /* the NUL */
		return gnutls_x509_privkey_import_openssl(key, &data, params->password);
	}
	if (params->password)
		return gnutls_x509_privkey_import_pkcs8(key, &data, GNUTLS_X509_FMT_DER, params->password, 0);
	return gnutls_x509_privkey_import2(key, &data, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN);
}

int gtls_key_read(const struct unitls_context_params *params, gnutls_pubkey_t leaf, gnutls_x509_privkey_t *ret_key)
{
	gnutls_x509_privkey_t key;
	int ret;

	if (params->key.size == 0 || params->key.size > UINT_MAX)
		return GNUTLS_E_PARSING_ERROR;
	ret = gnutls_x509_privkey_init(&key);
	if (ret < 0)
		return ret;
	ret = import(key, params);
	if (ret < 0 && ret != GNUTLS_E_MEMORY_ERROR && params->key_format == UNITLS_KEY_FORMAT_DER &&
		!params->password && join_halves(key, params->key, leaf) == 0)
		ret = 0;
	if (ret < 0) {
		gnutls_x509_privkey_deinit(key);
		return ret;
	}
	*ret_key = key;
	return 0;
}
