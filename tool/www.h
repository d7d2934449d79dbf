/* A web server's least: whatever is asked for, the answer is a page of text about the connection. HTTP/1.0, one request. */

#ifndef UNITLS_TOOL_WWW_H
#define UNITLS_TOOL_WWW_H

#include "tool/report.h"
#include "tool/session.h"

#define WWW_REQUEST_LIMIT_BYTES 65536 /* a longer head is answered without its end */

struct www {
	size_t request_size;
	bool line_is_empty; /* of the request's head, so far */
	char *page;         /* the answer, once there is one */
	size_t page_size;
	size_t page_at;
};

void www_fini(struct www *www);
/* Reads and answers as far as the session goes. */
void www_run(struct www *www, const struct report_facts *facts, struct session *session);

#endif
