#include "tests/unit/no_files.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* action: what becomes of a call that opens a file. */
static bool filter_opens(unsigned action)
{
	static const unsigned calls[] = {
		SYS_openat,
#ifdef SYS_open
		SYS_open,
#endif
#ifdef SYS_openat2
		SYS_openat2,
#endif
	};
	struct sock_filter code[2 + 2 * (sizeof(calls) / sizeof(calls[0]))];
	struct sock_fprog program = {.filter = code};
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = n;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool no_files_from_now_on(void)
{
	return filter_opens(SECCOMP_RET_KILL_PROCESS);
}

bool files_fail_from_now_on(void)
{
	return filter_opens(SECCOMP_RET_ERRNO | EACCES);
}
