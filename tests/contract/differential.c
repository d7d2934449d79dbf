/* differential */
#include "tests/contract/helpers.h"

const struct scenario differential_scenarios[] = {
	{0},
};
