#include "backends/wolfssl/thread.h"

#include <pthread.h>

#include "backends/wolfssl/library.h"
#include <wolfssl/wolfcrypt/ecc.h>

/* A cache that is shared by all threads is no leak. */
#if defined(FP_ECC) && defined(HAVE_THREAD_LS)

static pthread_key_t key;

static void on_thread_end(void *unused)
{
	(void)unused;
	wc_ecc_fp_free();
}

bool wolf_thread_init(void)
{
	return pthread_key_create(&key, on_thread_end) == 0;
}

void wolf_thread_enter(void)
{
	/* Any value that is not NULL makes the destructor run. Without memory for it the thread's cache leaks, and nothing else happens. */
	if (pthread_getspecific(key) == NULL)
		(void)pthread_setspecific(key, &key);
}

#else

bool wolf_thread_init(void)
{
	return true;
}

void wolf_thread_enter(void)
{
}

#endif
