/* What the load generator is told. */

#ifndef UNITLS_BENCH_OPTIONS_H
#define UNITLS_BENCH_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum load_case {
	CASE_CONNECT,
	CASE_GET,
	CASE_PUT,
	CASE_ECHO,
	CASE_IDLE,
	CASE_RATE,
};

struct options {
	struct sockaddr_in address;
	const char *ca;
	const char *server_name;
	const char *backend;  /* NULL: the default */
	uint16_t tls_version; /* 0: whatever there is */
	bool plain;
	bool resume;
	enum load_case load_case;
	uint64_t connections;
	uint64_t count;
	uint64_t bytes;
	double rate; /* connections a second */
	uint64_t hostile_percent;
	uint32_t timeout_s;
};

/* 0; -1 after a message. */
int options_parse(int argc, char **argv, struct options *ret_options);

#endif
