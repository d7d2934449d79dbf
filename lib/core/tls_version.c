/*
 * TLS version numbers and their names.
 */
#include <unitls/error.h>
#include <unitls/tls_version.h>

#include <string.h>
#include <strings.h>

/* X(number, digits) */
#define TLS_VERSIONS(X)          \
	X(UNITLS_TLS_1_2, "1.2") \
	X(UNITLS_TLS_1_3, "1.3")

static const struct {
	uint16_t number;
	const char *name;
	const char *digits;
} versions[] = {
#define VERSION_ROW(number, digits) {number, "TLSv" digits, digits},
	TLS_VERSIONS(VERSION_ROW)
#undef VERSION_ROW
};

#define N_VERSIONS (sizeof(versions) / sizeof(versions[0]))

const char *unitls_tls_version_name(uint16_t version)
{
	for (size_t i = 0; i < N_VERSIONS; i++)
		if (versions[i].number == version)
			return versions[i].name;
	return NULL;
}

int unitls_tls_version_from_name(const char *name, uint16_t *ret_version)
{
	if (strncasecmp(name, "TLSv", 4) == 0)
		name += 4;
	else if (strncasecmp(name, "TLS", 3) == 0)
		name += 3;
	for (size_t i = 0; i < N_VERSIONS; i++) {
		if (strcmp(versions[i].digits, name) == 0) {
			*ret_version = versions[i].number;
			return UNITLS_OK;
		}
	}
	return UNITLS_ERROR;
}
