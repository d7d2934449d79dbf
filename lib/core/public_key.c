/*
 * Reads and compares public keys. Pure; makes no arithmetic on them: whether a point is on its curve is for the backend.
 */
#include "core/public_key.h"

#include <string.h>

struct curve {
	enum unitls_key_type type;
	unsigned bits;
	size_t oid_size;
	uint8_t oid[8];
};

/* RFC 5480, 2.1.1.1 */
static const struct curve curves[] = {
	{UNITLS_KEY_ECDSA_P256, 256, 8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}},
	{UNITLS_KEY_ECDSA_P384, 384, 5, {0x2b, 0x81, 0x04, 0x00, 0x22}},
	{UNITLS_KEY_ECDSA_P521, 521, 5, {0x2b, 0x81, 0x04, 0x00, 0x23}},
};

struct algorithm {
	enum unitls_key_family family;
	enum unitls_key_type type;
	unsigned bits;
	size_t oid_size;
	uint8_t oid[9];
};

static const struct algorithm algorithms[] = {
	/* rsaEncryption and id-RSASSA-PSS (RFC 8017, A) */
	{UNITLS_KEY_FAMILY_RSA, UNITLS_KEY_RSA, 0, 9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01}},
	{UNITLS_KEY_FAMILY_RSA_PSS, UNITLS_KEY_RSA_PSS, 0, 9,
		{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a}},
	/* id-ecPublicKey (RFC 5480, 2.1.1) */
	{UNITLS_KEY_FAMILY_EC, UNITLS_KEY_UNKNOWN, 0, 7, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01}},
	/* id-Ed25519 and id-Ed448 (RFC 8410, 3) */
	{UNITLS_KEY_FAMILY_EDWARDS, UNITLS_KEY_ED25519, 256, 3, {0x2b, 0x65, 0x70}},
	{UNITLS_KEY_FAMILY_EDWARDS, UNITLS_KEY_ED448, 456, 3, {0x2b, 0x65, 0x71}},
};

static bool is_oid(struct unitls_bytes bytes, const uint8_t *oid, size_t size)
{
	return bytes.size == size && memcmp(bytes.data, oid, size) == 0;
}

void unitls_public_key_set_curve(struct unitls_public_key *key, struct unitls_bytes curve)
{
	key->family = UNITLS_KEY_FAMILY_EC;
	key->type = UNITLS_KEY_UNKNOWN;
	key->bits = 0;
	key->curve = curve;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (is_oid(curve, curves[i].oid, curves[i].oid_size)) {
			key->type = curves[i].type;
			key->bits = curves[i].bits;
		}
	}
}

void unitls_public_key_set_rsa(
	struct unitls_public_key *key, struct unitls_bytes modulus, struct unitls_bytes exponent)
{
	unsigned bits = (unsigned)modulus.size * 8;

	for (uint8_t top = modulus.data[0]; bits > 0 && (top & 0x80) == 0; top = (uint8_t)(top << 1))
		bits--;
	key->bits = bits;
	key->modulus = modulus;
	key->exponent = exponent;
}

/* SEC 1, 2.3.3: compressed or not; the infinite point is nobody's key. */
static bool is_ec_point(const struct unitls_public_key *key, struct unitls_bytes point)
{
	size_t octets = (key->bits + 7) / 8;

	if (point.size < 2)
		return false;
	switch (point.data[0]) {
	case 2:
	case 3:
		return key->type == UNITLS_KEY_UNKNOWN || point.size == 1 + octets;
	case 4:
	case 6:
	case 7:
		return point.size % 2 == 1 && (key->type == UNITLS_KEY_UNKNOWN || point.size == 1 + 2 * octets);
	default:
		return false;
	}
}

bool unitls_public_key_set_point(struct unitls_public_key *key, struct unitls_bytes point)
{
	if (key->family == UNITLS_KEY_FAMILY_EC) {
		if (!is_ec_point(key, point))
			return false;
	} else if (point.size != (key->type == UNITLS_KEY_ED25519 ? 32 : 57)) {
		return false;
	}
	key->point = point;
	return true;
}

static const struct algorithm *find_algorithm(struct unitls_bytes oid)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (is_oid(oid, algorithms[i].oid, algorithms[i].oid_size))
			return &algorithms[i];
	return NULL;
}

/* Parameters as each algorithm has them; those of PSS restrict its use and are the backend's to read. */
static bool read_parameters(struct unitls_der *reader, struct unitls_public_key *key)
{
	struct unitls_der_value value;

	switch (key->family) {
	case UNITLS_KEY_FAMILY_RSA:
		/* RFC 3279, 2.3.1: NULL; some leave it out. */
		if (!unitls_der_next_is(reader, UNITLS_DER_NULL))
			return true;
		return unitls_der_take(reader, UNITLS_DER_NULL, &value) && value.content.size == 0;
	case UNITLS_KEY_FAMILY_EC:
		if (!unitls_der_any(reader, &value))
			return false;
		if (value.tag == UNITLS_DER_OID)
			unitls_public_key_set_curve(key, value.content);
		return true;
	case UNITLS_KEY_FAMILY_EDWARDS:
		return true; /* RFC 8410, 3: none */
	case UNITLS_KEY_FAMILY_RSA_PSS:
	case UNITLS_KEY_FAMILY_OTHER:
		break;
	}
	return reader->left == 0 || unitls_der_any(reader, &value);
}

bool unitls_public_key_read_algorithm(struct unitls_der *reader, struct unitls_public_key *ret_key)
{
	struct unitls_public_key key = {.family = UNITLS_KEY_FAMILY_OTHER};
	const struct algorithm *algorithm;
	struct unitls_der_value oid;
	struct unitls_der inner;

	if (!unitls_der_enter(reader, UNITLS_DER_SEQUENCE, &inner) ||
		!unitls_der_take(&inner, UNITLS_DER_OID, &oid) || oid.content.size == 0)
		return unitls_der_fail(reader);
	algorithm = find_algorithm(oid.content);
	if (algorithm != NULL) {
		key.family = algorithm->family;
		key.type = algorithm->type;
		key.bits = algorithm->bits;
	}
	if (!read_parameters(&inner, &key) || !unitls_der_done(&inner))
		return unitls_der_fail(reader);
	*ret_key = key;
	return true;
}

/* RSAPublicKey (RFC 8017, A.1.1) */
static bool read_rsa(struct unitls_public_key *key, struct unitls_bytes octets)
{
	struct unitls_der reader;
	struct unitls_der inner;
	struct unitls_bytes modulus;
	struct unitls_bytes exponent;

	unitls_der_init(&reader, octets);
	if (!unitls_der_enter(&reader, UNITLS_DER_SEQUENCE, &inner) || !unitls_der_positive(&inner, &modulus) ||
		!unitls_der_positive(&inner, &exponent) || !unitls_der_done(&inner) || !unitls_der_done(&reader))
		return false;
	unitls_public_key_set_rsa(key, modulus, exponent);
	return true;
}

bool unitls_public_key_parse(struct unitls_bytes spki, struct unitls_public_key *ret_key)
{
	struct unitls_public_key key;
	struct unitls_der reader;
	struct unitls_der inner;
	struct unitls_bytes octets;

	unitls_der_init(&reader, spki);
	if (!unitls_der_enter(&reader, UNITLS_DER_SEQUENCE, &inner) ||
		!unitls_public_key_read_algorithm(&inner, &key) ||
		!unitls_der_bits(&inner, UNITLS_DER_BIT_STRING, &octets) || !unitls_der_done(&inner) ||
		!unitls_der_done(&reader))
		return false;
	switch (key.family) {
	case UNITLS_KEY_FAMILY_RSA:
	case UNITLS_KEY_FAMILY_RSA_PSS:
		if (!read_rsa(&key, octets))
			return false;
		break;
	case UNITLS_KEY_FAMILY_EC:
	case UNITLS_KEY_FAMILY_EDWARDS:
		if (!unitls_public_key_set_point(&key, octets))
			return false;
		break;
	case UNITLS_KEY_FAMILY_OTHER:
		break;
	}
	*ret_key = key;
	return true;
}

/* Two points of one curve, whatever their forms: a compressed one has x and the parity of y. */
static bool points_equal(struct unitls_bytes a, struct unitls_bytes b)
{
	bool a_compressed = a.data[0] == 2 || a.data[0] == 3;
	bool b_compressed = b.data[0] == 2 || b.data[0] == 3;
	size_t x_size = a_compressed ? a.size - 1 : (a.size - 1) / 2;

	if (x_size != (b_compressed ? b.size - 1 : (b.size - 1) / 2) ||
		memcmp(a.data + 1, b.data + 1, x_size) != 0)
		return false;
	if (a_compressed && b_compressed)
		return a.data[0] == b.data[0];
	if (a_compressed)
		return (a.data[0] & 1) == (b.data[b.size - 1] & 1);
	if (b_compressed)
		return (b.data[0] & 1) == (a.data[a.size - 1] & 1);
	return memcmp(a.data + 1, b.data + 1, a.size - 1) == 0;
}

static enum unitls_key_match answer(bool equal)
{
	return equal ? UNITLS_KEY_MATCH_YES : UNITLS_KEY_MATCH_NO;
}

enum unitls_key_match unitls_public_key_compare(
	const struct unitls_public_key *a, const struct unitls_public_key *b)
{
	if (a->family != b->family)
		return UNITLS_KEY_MATCH_NO;
	if (a->family == UNITLS_KEY_FAMILY_OTHER)
		return UNITLS_KEY_MATCH_UNKNOWN;
	if (a->family == UNITLS_KEY_FAMILY_RSA || a->family == UNITLS_KEY_FAMILY_RSA_PSS) {
		if (a->modulus.size == 0 || b->modulus.size == 0)
			return UNITLS_KEY_MATCH_UNKNOWN;
		return answer(unitls_bytes_equal(a->modulus, b->modulus) &&
			unitls_bytes_equal(a->exponent, b->exponent));
	}
	if (a->family == UNITLS_KEY_FAMILY_EDWARDS && a->type != b->type)
		return UNITLS_KEY_MATCH_NO;
	if (a->curve.size > 0 && b->curve.size > 0 && !unitls_bytes_equal(a->curve, b->curve))
		return UNITLS_KEY_MATCH_NO;
	if (a->point.size == 0 || b->point.size == 0)
		return UNITLS_KEY_MATCH_UNKNOWN;
	if (a->family == UNITLS_KEY_FAMILY_EC)
		return answer(points_equal(a->point, b->point));
	return answer(unitls_bytes_equal(a->point, b->point));
}
