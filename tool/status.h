/* What the tool's exit status says; unitls(1) has the same table. */

#ifndef UNITLS_TOOL_STATUS_H
#define UNITLS_TOOL_STATUS_H

enum status {
	STATUS_CLEAN = 0,         /* the peer ended with close_notify; or the command did what it should */
	STATUS_LOCAL = 1,         /* a file, a backend, standard output: something here */
	STATUS_USAGE = 2,         /* the command line */
	STATUS_NO_CONNECTION = 3, /* no address, nobody there, or not in time */
	STATUS_TLS = 4,           /* the handshake, an alert, a broken record */
	STATUS_VERIFY = 5,        /* the peer's certificate was refused */
	STATUS_TRUNCATED = 6,     /* the connection ended without close_notify */
	STATUS_TIMEOUT =
		7, /* the handshake took too long, or the other side fell silent after one direction had ended */
};

#endif
