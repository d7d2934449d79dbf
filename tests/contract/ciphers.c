/* ciphers */
#include "tests/contract/helpers.h"

const struct scenario cipher_scenarios[] = {
	{0},
};
