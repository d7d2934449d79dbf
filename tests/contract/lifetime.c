/* lifetime */
#include "tests/contract/helpers.h"

const struct scenario lifetime_scenarios[] = {
	{0},
};
