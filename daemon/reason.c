/* Why a connection ended. */

#include "daemon/reason.h"

static const char *const names[REASON_COUNT] = {
#define REASON_NAME(id, text) text,
	REASONS(REASON_NAME)
#undef REASON_NAME
};

const char *reason_name(enum reason reason)
{
	return names[reason];
}
