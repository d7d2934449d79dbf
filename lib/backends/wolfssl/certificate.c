#include "backends/wolfssl/certificate.h"

#include <stdlib.h>
#include <time.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/rsa.h>

#define RSA_BYTES_MIN   (2048 / 8)
#define CURVE_BYTES_MIN (224 / 8)

int wolf_certificate_decode(struct unitls_bytes der, DecodedCert **ret_decoded)
{
	DecodedCert *decoded;
	int ret;

	if (der.size > UINT32_MAX)
		return BUFFER_E;
	decoded = malloc(sizeof(*decoded));
	if (decoded == NULL)
		return MEMORY_E;
	wc_InitDecodedCert(decoded, der.data, (word32)der.size, NULL);
	ret = wc_ParseCert(decoded, CERT_TYPE, NO_VERIFY, NULL);
	if (ret != 0) {
		wolf_certificate_free(decoded);
		return ret;
	}
	*ret_decoded = decoded;
	return 0;
}

void wolf_certificate_free(DecodedCert *decoded)
{
	if (decoded == NULL)
		return;
	wc_FreeDecodedCert(decoded);
	free(decoded);
}

bool wolf_certificate_is_ca(const DecodedCert *decoded)
{
	return decoded->isCA && (!decoded->extKeyUsageSet || (decoded->extKeyUsage & KEYUSE_KEY_CERT_SIGN) != 0);
}

bool wolf_certificate_has_purpose(const DecodedCert *decoded, enum unitls_role role)
{
	int needed = role == UNITLS_ROLE_CLIENT ? EXTKEYUSE_SERVER_AUTH : EXTKEYUSE_CLIENT_AUTH;

	return !decoded->extExtKeyUsageSet || (decoded->extExtKeyUsage & (needed | EXTKEYUSE_ANY)) != 0;
}

/* date: the value with its tag and length, as it is in the certificate. */
static bool read_date(const uint8_t *date, int size, int64_t *ret_seconds)
{
	const uint8_t *digits = NULL;
	uint8_t format = 0;
	int length = 0;
	struct tm fields = {0};

	if (date == NULL || wc_GetDateInfo(date, size, &digits, &format, &length) != 0)
		return false;
	if (wc_GetDateAsCalendarTime(digits, length, format, &fields) != 0)
		return false;
	*ret_seconds = (int64_t)timegm(&fields);
	return true;
}

enum unitls_verify_reason wolf_certificate_judge_time(const DecodedCert *decoded, int64_t now)
{
	int64_t from;
	int64_t to;

	if (!read_date(decoded->beforeDate, decoded->beforeDateLen, &from) ||
		!read_date(decoded->afterDate, decoded->afterDateLen, &to))
		return UNITLS_VERIFY_MALFORMED;
	if (now > to)
		return UNITLS_VERIFY_EXPIRED;
	return now < from ? UNITLS_VERIFY_NOT_YET_VALID : UNITLS_VERIFY_NONE;
}

static bool has_long_modulus(const DecodedCert *decoded)
{
	word32 at = 0;
	word32 size = 0;

	return wc_RsaPublicKeyDecode_ex(decoded->publicKey, &at, decoded->pubKeySize, NULL, &size, NULL, NULL) ==
		0 &&
		size >= RSA_BYTES_MIN;
}

bool wolf_certificate_has_strong_key(const DecodedCert *decoded)
{
	switch (decoded->keyOID) {
	case RSAk:
#ifdef WC_RSA_PSS
	case RSAPSSk:
#endif
		return has_long_modulus(decoded);
	case ECDSAk:
		return wc_ecc_get_curve_size_from_id(wc_ecc_get_oid(decoded->pkCurveOID, NULL, NULL)) >=
			CURVE_BYTES_MIN;
	default:
		return true; /* Ed25519 and Ed448 have one size; what else there is the library cannot verify with */
	}
}

bool wolf_certificate_has_strong_signature(const DecodedCert *decoded)
{
	switch (decoded->signatureOID) {
	case CTC_MD2wRSA:
	case CTC_MD5wRSA:
	case CTC_SHAwRSA:
	case CTC_SHAwECDSA:
	case CTC_SHAwDSA:
		return false;
	default:
		return true;
	}
}

/*
 * Name constraints ----------------------------------------------------------------------------------------------------------
 */

/* Takes one DER value off input: its tag and contents. False when it is not whole. */
static bool take_value(struct unitls_bytes *input, uint8_t *ret_tag, struct unitls_bytes *ret_contents)
{
	size_t at = 2;
	size_t length;

	if (input->size < 2)
		return false;
	length = input->data[1];
	if (length > 0x80) {
		size_t n = length & 0x7f;

		if (n > 2 || input->size < 2 + n)
			return false;
		length = 0;
		for (; at < 2 + n; at++)
			length = length << 8 | input->data[at];
	} else if (length == 0x80) {
		return false;
	}
	if (input->size - at < length)
		return false;
	*ret_tag = input->data[0];
	*ret_contents = (struct unitls_bytes){input->data + at, length};
	input->data += at + length;
	input->size -= at + length;
	return true;
}

/* GeneralSubtrees (RFC 5280, 4.2.1.10): each a sequence that begins with its base, whose tag is the kind of name. */
static bool knows_subtrees(struct unitls_bytes subtrees)
{
	struct unitls_bytes subtree;
	struct unitls_bytes base;
	uint8_t tag;

	while (subtrees.size > 0) {
		if (!take_value(&subtrees, &tag, &subtree) || !take_value(&subtree, &tag, &base))
			return false;
		tag &= 0x1f;
		if (tag != ASN_RFC822_TYPE && tag != ASN_DNS_TYPE && tag != ASN_DIR_TYPE)
			return false;
		if (subtree.size > 0) /* minimum or maximum */
			return false;
	}
	return true;
}

/* The value of the extension nameConstraints: permitted [0] and excluded [1]. */
static bool knows_constraints(struct unitls_bytes value)
{
	struct unitls_bytes constraints;
	struct unitls_bytes subtrees;
	uint8_t tag;

	if (!take_value(&value, &tag, &constraints))
		return false;
	while (constraints.size > 0) {
		if (!take_value(&constraints, &tag, &subtrees) || !knows_subtrees(subtrees))
			return false;
	}
	return true;
}

bool wolf_certificate_is_constrained(const DecodedCert *decoded)
{
	return decoded->extNameConstraintSet;
}

bool wolf_certificate_has_known_constraints(const DecodedCert *decoded)
{
	static const uint8_t oid[] = {0x55, 0x1d, 0x1e};
	struct unitls_bytes extensions = {decoded->extensions, (size_t)decoded->extensionsSz};
	struct unitls_bytes list;
	uint8_t tag;

	/* [3] and the SEQUENCE in it. */
	if (!take_value(&extensions, &tag, &list) || !take_value(&list, &tag, &extensions))
		return false;
	while (extensions.size > 0) {
		struct unitls_bytes extension;
		struct unitls_bytes id;
		struct unitls_bytes value;

		if (!take_value(&extensions, &tag, &extension) || !take_value(&extension, &tag, &id) ||
			!take_value(&extension, &tag, &value))
			return false;
		if (tag == 0x01 && !take_value(&extension, &tag, &value)) /* BOOLEAN critical */
			return false;
		if (id.size == sizeof(oid) && memcmp(id.data, oid, sizeof(oid)) == 0)
			return knows_constraints(value);
	}
	return false;
}
