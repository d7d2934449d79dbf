/* certificates */
#include "tests/contract/helpers.h"

const struct scenario certificate_scenarios[] = {
	{0},
};
