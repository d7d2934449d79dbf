/*
 * A backend without a TLS library: its contexts are counted, its capabilities and its failures chosen by the test. Made for one test at a
 * time; contexts may be used by several threads.
 */
#ifndef UNITLS_TESTS_FAKE_BACKEND_H
#define UNITLS_TESTS_FAKE_BACKEND_H

#include <stdatomic.h>

#include "core/backend.h"
#include "core/module.h"

struct fake_backend {
	struct unitls_backend backend; /* what a test passes to the core */
	struct unitls_capabilities capabilities;
	atomic_size_t built;                                      /* contexts made, ever */
	atomic_size_t alive;                                      /* contexts not yet freed */
	atomic_bool fail;                                         /* the next ones cannot be made */
	void (*seen)(const struct unitls_context_params *params); /* shown what each is built from; may be NULL */
	int handshake_status;                                     /* what every handshake answers */
	struct unitls_connection_info info;                       /* ... and what came of it */
};

/* Can do everything; nothing is built, and handshakes want to read. */
struct fake_backend *fake_backend_reset(void);

#endif
