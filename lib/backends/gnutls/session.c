#include "backends/gnutls/session.h"

#include <limits.h>

#include "backends/gnutls/connection.h"
#include "backends/gnutls/error.h"

/* Without a ticket the library would wait for one (TLS 1.3), or give what no server of today resumes (TLS 1.2: an identifier). */
static bool has_ticket(const struct gtls_connection *connection)
{
	return (gnutls_session_get_flags(connection->session) & GNUTLS_SFLAGS_SESSION_TICKET) != 0;
}

int gtls_session_export(void *argument, int (*add)(void *argument, struct unitls_bytes session),
	void *add_argument, struct unitls_error *error)
{
	const struct gtls_connection *connection = argument;
	gnutls_datum_t data = {NULL, 0};
	int ret;

	if (!has_ticket(connection))
		return UNITLS_WANT_READ;
	ret = gnutls_session_get_data2(connection->session, &data);
	if (ret < 0)
		return gtls_error_set(error, ret, UNITLS_ALERT_NONE);
	ret = add(add_argument, (struct unitls_bytes){data.data, data.size});
	gnutls_memset(data.data, 0, data.size);
	gnutls_free(data.data);
	return ret;
}

int gtls_session_resume(void *argument, struct unitls_bytes session, struct unitls_error *error)
{
	struct gtls_connection *connection = argument;
	int ret = session.size > UINT_MAX
		? GNUTLS_E_DB_ERROR
		: gnutls_session_set_data(connection->session, session.data, session.size);

	return ret < 0 ? gtls_error_set_field(error, ret, "session", "the session") : 0;
}
