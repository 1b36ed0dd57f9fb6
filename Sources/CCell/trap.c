// Denied system calls arrive here as SIGSYS: the first is written down, and each fails with EPERM.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "cell.h"

static void on_denial(int signal, siginfo_t *info, void *context) {
    (void)signal;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (atomic_fetch_add((_Atomic uint32_t *)&cell_status->denials, 1) == 0) {
        static const int order[6] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
        cell_status->denied_nr = info->si_syscall;
        for (int i = 0; i < 6; i++) cell_status->denied_args[i] = (uint64_t)registers[order[i]];
        const char *path = NULL;
        if (info->si_syscall == SYS_execve) path = (const char *)registers[REG_RDI];
        if (info->si_syscall == SYS_execveat) path = (const char *)registers[REG_RSI];
        for (size_t i = 0; path && i < CW_DENIED_TEXT - 1 && path[i]; i++)
            cell_status->denied_text[i] = path[i];
    }
    registers[REG_RAX] = -EPERM;
}

void cell_trap_denials(void) {
    struct sigaction action = {.sa_sigaction = on_denial, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGSYS, &action, NULL) < 0) cell_fail(CW_STAGE_SECCOMP, errno);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
