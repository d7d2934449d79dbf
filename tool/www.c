/* Request in, page out. */

#include "tool/www.h"

#include <stdlib.h>
#include <string.h>

#include "tool/status.h"

void www_fini(struct www *www)
{
	free(www->page);
	www->page = NULL;
}

/* Takes what came; true once the head of the request is complete: an empty line. */
static bool read_request(struct www *www, struct session *session)
{
	struct unitls_bytes held = session_held(session);
	bool complete = false;

	for (size_t i = 0; i < held.size && !complete; i++) {
		uint8_t byte = held.data[i];

		complete = (byte == '\n' && www->line_is_empty) || ++www->request_size > WWW_REQUEST_LIMIT_BYTES;
		if (byte != '\r')
			www->line_is_empty = byte == '\n';
	}
	if (held.size > 0)
		session_take(session, held.size);
	return complete;
}

/* 0, or -1 without memory. */
static int make_page(struct www *www, const struct report_facts *facts, struct session *session)
{
	char *body = NULL;
	size_t body_size = 0;
	json_t *report = report_connection(facts, session);
	FILE *stream = open_memstream(&body, &body_size);
	bool good = stream != NULL;

	if (stream) {
		json_print_text(stream, report, 0);
		good = fclose(stream) == 0;
	}
	json_decref(report);
	stream = good ? open_memstream(&www->page, &www->page_size) : NULL;
	if (stream) {
		(void)fprintf(stream,
			"HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
			"Connection: close\r\n\r\n%s",
			body_size, body);
		good = fclose(stream) == 0;
	}
	free(body);
	return good && www->page ? 0 : -1;
}

static void send_page(struct www *www, struct session *session)
{
	uint8_t *at;
	size_t room;

	while (www->page_at < www->page_size && (room = session_room(session, &at)) > 0) {
		size_t left = www->page_size - www->page_at;
		size_t n = left < room ? left : room;

		memcpy(at, www->page + www->page_at, n);
		www->page_at += n;
		session_put(session, n);
	}
	if (www->page_at == www->page_size && !session->out_ended)
		session_end_output(session);
}

void www_run(struct www *www, const struct report_facts *facts, struct session *session)
{
	bool complete = read_request(www, session);

	if (complete && !www->page && make_page(www, facts, session) < 0) {
		struct unitls_error error = UNITLS_ERROR_INIT;

		error.error_class = UNITLS_ERROR_CLASS_MEMORY;
		(void)snprintf(error.text, sizeof(error.text), "no memory for the page");
		session_fail(session, STATUS_LOCAL, &error);
		return;
	}
	if (www->page)
		send_page(www, session);
	else if (session->in_ended && !session->out_ended)
		session_end_output(session);
}
