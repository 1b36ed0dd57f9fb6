// Denied system calls arrive here as SIGSYS: the first is written down, and each fails with EPERM.
// Some are answered here instead, because the kernel's answer would tell of other cells.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
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

// By a call that writes a byte to each end, which are at most a page apart.
static int is_writable(void *start, size_t length) {
    return syscall(SYS_rt_sigpending, start, 1) == 0 &&
           syscall(SYS_rt_sigpending, (char *)start + length - 1, 1) == 0;
}

// Locks are taken against other processes, and a cell is only one: every lock is free. The kernel is
// not asked, because the device nodes in /dev are the same files in all cells, and a lock on one of
// them could be seen there.
static int is_lock(const siginfo_t *info, const greg_t *registers) {
    greg_t command = registers[REG_RSI];
    return info->si_syscall == SYS_fcntl &&
           (command == F_SETLK || command == F_SETLKW || command == F_GETLK);
}

static long answer_lock(const greg_t *registers) {
    struct flock *lock = (struct flock *)registers[REG_RDX];
    if (fcntl((int)registers[REG_RDI], F_GETFD) < 0) return -EBADF;
    if (registers[REG_RSI] != F_GETLK) return 0;
    if (!is_writable(&lock->l_type, sizeof lock->l_type)) return -EFAULT;
    lock->l_type = F_UNLCK;
    return 0;
}

// The machine's size is told, and nothing that other processes change.
static struct sysinfo machine;

static void look_at_machine(void) {
    struct sysinfo found;
    if (sysinfo(&found) < 0) return;
    machine = (struct sysinfo){
        .totalram = found.totalram, .freeram = found.totalram, .procs = 1, .mem_unit = found.mem_unit};
}

static long answer_sysinfo(struct sysinfo *into) {
    if (!is_writable(into, sizeof *into)) return -EFAULT;
    *into = machine;
    return 0;
}

static void on_denial(int signal, siginfo_t *info, void *context) {
    (void)signal;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (is_lock(info, registers)) {
        registers[REG_RAX] = answer_lock(registers);
        return;
    }
    if (info->si_syscall == SYS_sysinfo) {
        registers[REG_RAX] = answer_sysinfo((struct sysinfo *)registers[REG_RDI]);
        return;
    }
    static const int order[6] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
    uint64_t arguments[6];
    for (int i = 0; i < 6; i++) arguments[i] = (uint64_t)registers[order[i]];
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
    look_at_machine();
    handle(SIGSYS, (struct sigaction){.sa_sigaction = on_denial, .sa_flags = SA_SIGINFO | SA_NODEFER});
    handle(SIGABRT, (struct sigaction){.sa_handler = on_abort});
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    sigaddset(&set, SIGABRT);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
