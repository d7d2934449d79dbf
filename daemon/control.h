/* The control socket: unitlsctl's end in the master.
 *
 * A unix stream socket, mode 0600. A client sends one command a line; the answer is any number of lines "| TEXT" and then "ok" or "failed".
 * It knows no command; its owner does. Clients, line lengths, waiting times and what is queued are bounded.
 * Invariant: a client has one command under way at most; what it sends meanwhile waits. */

#ifndef UNITLSD_CONTROL_H
#define UNITLSD_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#define CONTROL_CLIENTS_MAX 16                 /* at once; more are closed */
#define CONTROL_LINE_MAX    128                /* bytes of a command */
#define CONTROL_IDLE_S      30                 /* for a command to come, or an answer to be read */
#define CONTROL_QUEUE_MAX   (4U * 1024 * 1024) /* bytes a client has not read yet; then it is closed */

struct control;
struct control_client;
struct event_base;

/* COMMAND is lent for the call, without control bytes. Ends with control_finish() or control_wait(). */
typedef void control_command(void *argument, struct control_client *client, const char *command);

/* Listens on PATH. The file of a dead instance is replaced. Returns 0; -EADDRINUSE when another instance answers there; another
 * negative errno. */
int control_open(
	struct event_base *base, const char *path, control_command *command, void *argument, struct control **ret);

/* Removes the socket. Accepts NULL. */
void control_close(struct control *control);

/* A line of the answer. */
void control_say(struct control_client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The last line. */
void control_finish(struct control_client *client, bool ok);

/* The answer comes when TICKET is due. */
void control_wait(struct control_client *client, uint64_t ticket);

/* Calls ANSWER for every client that waits for a ticket up to TICKET; it ends with control_finish(). */
typedef void control_answer(void *argument, struct control_client *client);
void control_due(struct control *control, uint64_t ticket, control_answer *answer, void *argument);

#endif
