/*
 * The version of the library, from the build.
 */
#include <unitls/common.h>

const char *unitls_version(void)
{
	return UNITLS_VERSION;
}
