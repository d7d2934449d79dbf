/* hello */
#include "tests/contract/helpers.h"

const struct scenario hello_scenarios[] = {
	{0},
};
