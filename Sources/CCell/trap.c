// Denied system calls arrive here as SIGSYS: the first is written down, and each fails with EPERM.
// Some are answered instead (answers.c).
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "cell.h"

void cloister_denied(long number, const uint64_t arguments[6], const char *text) {
    if (atomic_fetch_add((_Atomic uint32_t *)&cell_status->denials, 1) != 0) return;
    cell_status->denied_nr = number;
    for (int i = 0; arguments && i < 6; i++) cell_status->denied_args[i] = arguments[i];
    for (size_t i = 0; text && i < CW_DENIED_TEXT - 1 && text[i]; i++)
        cell_status->denied_text[i] = text[i];
    cell_send_status();
}

static void on_denial(int signal, siginfo_t *info, void *context) {
    (void)signal;
    // What is done here is not the code's that was interrupted.
    int before = errno;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    static const int order[6] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
    uint64_t arguments[6];
    for (int i = 0; i < 6; i++) arguments[i] = (uint64_t)registers[order[i]];
    long answer;
    int is_answered = cell_answer(info->si_syscall, arguments, &answer);
    errno = before;
    if (is_answered) {
        registers[REG_RAX] = answer;
        return;
    }
    const char *path = NULL;
    if (info->si_syscall == SYS_execve) path = (const char *)registers[REG_RDI];
    if (info->si_syscall == SYS_execveat) path = (const char *)registers[REG_RSI];
    cloister_denied(info->si_syscall, arguments, path);
    registers[REG_RAX] = -EPERM;
}

// A cell is the first process of its PID namespace, and the kernel keeps such a process from
// signals that it sends itself: abort() would end in some other signal, and mislead.
static void on_abort(int signal) {
    (void)signal;
    cell_status->aborted = 1;
    cell_send_status();
    _exit(CW_EXIT_ABORT);
}

static void handle(int signal, struct sigaction action) {
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, &action, NULL) < 0) cell_fail(CW_STAGE_SECCOMP, errno);
}

void cell_trap_denials(void) {
    cell_look_at_machine();
    handle(SIGSYS, (struct sigaction){.sa_sigaction = on_denial, .sa_flags = SA_SIGINFO | SA_NODEFER});
    handle(SIGABRT, (struct sigaction){.sa_handler = on_abort});
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    sigaddset(&set, SIGABRT);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
