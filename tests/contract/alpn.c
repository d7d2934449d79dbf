/* alpn */
#include "tests/contract/helpers.h"

const struct scenario alpn_scenarios[] = {
	{0},
};
