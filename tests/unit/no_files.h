/* For a child process that must not open a file any more. */
#ifndef UNITLS_TESTS_NO_FILES_H
#define UNITLS_TESTS_NO_FILES_H

#include <stdbool.h>

/* From now on opening a file ends this process with SIGSYS. false: the kernel does not do it. */
bool no_files_from_now_on(void);
/* From now on opening a file fails with EACCES, as a sandbox would have it. false: the kernel does not do it. */
bool files_fail_from_now_on(void);

#endif
