/* The runner's side of want.c. */
#ifndef UNITLS_TESTS_WANT_H
#define UNITLS_TESTS_WANT_H

/* Frees every context that scenarios made since the last call. */
void want_release_all(void);

#endif
