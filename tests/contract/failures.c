/* failures */
#include "tests/contract/helpers.h"

const struct scenario failure_scenarios[] = {
	{0},
};
