#include <unitls/signature_scheme.h>

#include <strings.h>

#include "core/iana.h"
#include <unitls/error.h>

static const struct {
	uint16_t number;
	const char *name;
} schemes[] = {
#define SCHEME_ROW(number, name) {number, #name},
	UNITLS_SIGNATURE_SCHEMES(SCHEME_ROW)
#undef SCHEME_ROW
};

#define N_SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

const char *unitls_signature_scheme_name(uint16_t scheme)
{
	for (size_t i = 0; i < N_SCHEMES; i++)
		if (schemes[i].number == scheme)
			return schemes[i].name;
	return NULL;
}

int unitls_signature_scheme_from_name(const char *name, uint16_t *ret_scheme)
{
	uint16_t number;
	bool is_number = unitls_iana_parse(name, &number);

	for (size_t i = 0; i < N_SCHEMES; i++)
		if (is_number ? schemes[i].number == number : strcasecmp(schemes[i].name, name) == 0) {
			*ret_scheme = schemes[i].number;
			return UNITLS_OK;
		}
	return UNITLS_ERROR;
}

bool unitls_signature_scheme_at(size_t i, uint16_t *ret_scheme)
{
	if (i >= N_SCHEMES)
		return false;
	*ret_scheme = schemes[i].number;
	return true;
}
