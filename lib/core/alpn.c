/*
 * The table of well-known ALPN protocol names.
 */
#include <unitls/alpn.h>

#include <string.h>

static const struct unitls_bytes names[UNITLS_ALPN_N] = {
#define ALPN_BYTES(id, bytes) {(const uint8_t *)(bytes), sizeof(bytes) - 1},
	UNITLS_ALPN_NAMES(ALPN_BYTES)
#undef ALPN_BYTES
};

struct unitls_bytes unitls_alpn_bytes(enum unitls_alpn protocol)
{
	struct unitls_bytes none = {NULL, 0};
	size_t i = (size_t)protocol;

	return i < UNITLS_ALPN_N ? names[i] : none;
}

enum unitls_alpn unitls_alpn_from_bytes(struct unitls_bytes name)
{
	for (size_t i = 0; i < UNITLS_ALPN_N; i++)
		if (names[i].size == name.size && memcmp(names[i].data, name.data, name.size) == 0)
			return (enum unitls_alpn)i;
	return UNITLS_ALPN_N;
}
