/*
 * The switches that take security away, kept in a file of their own. A peer name made here carries its own type, which nothing else
 * in the library makes.
 */
#include <unitls/insecure.h>

#include <string.h>

int unitls_insecure_peer_name_unchecked(
	const char *sni, struct unitls_peer_name *ret_name, struct unitls_error *error)
{
	struct unitls_peer_name name;

	memset(&name, 0, sizeof(name));
	if (sni && unitls_peer_name_dns(sni, &name, error) < 0)
		return UNITLS_ERROR;
	name.type = UNITLS_PEER_NAME_UNCHECKED;
	*ret_name = name;
	return 0;
}
