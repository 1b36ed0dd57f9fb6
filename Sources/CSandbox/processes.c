#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "csandbox.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int result(long value) { return value < 0 ? -errno : (int)value; }

int csb_pidfd_open(pid_t pid) { return result(syscall(SYS_pidfd_open, pid, 0)); }

int csb_pidfd_kill(int pidfd, int signal) {
    return result(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

pid_t csb_fork_sibling(uint64_t namespaces, int *pidfd) {
    struct clone_args args = {
        .flags = namespaces | CLONE_PARENT | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
    };
    return result(syscall(SYS_clone3, &args, sizeof args));
}

int csb_reap(int pidfd, int *status) {
    siginfo_t info = {0};
    if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL) < 0) return -errno;
    *status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status;
    return 0;
}

int csb_try_user_namespace(void) {
    struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) syscall(SYS_exit_group, 0);
    if (pid < 0) return -errno;
    while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR) {}
    return 0;
}

static int set_slice(pid_t thread, int nice, uint64_t nanoseconds) {
    // struct sched_attr, which some versions of the C library's headers have and others have not.
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } wanted = {.size = sizeof wanted, .policy = SCHED_OTHER, .nice = nice, .runtime = nanoseconds};
    return result(syscall(SYS_sched_setattr, thread, &wanted, 0));
}

int csb_use_common_slice(pid_t thread) {
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, (id_t)thread);
    if (nice == -1 && errno != 0) return -errno;
    return set_slice(thread, nice, 0);
}

int csb_give_way(int nice) { return set_slice(0, nice, 100000); }

int csb_prctl(int option, unsigned long argument) { return result(prctl(option, argument, 0, 0, 0)); }

int csb_setgroups_none(void) { return result(setgroups(0, NULL)); }

int csb_set_ids(uid_t uid, gid_t gid) {
    if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0) return -errno;
    return 0;
}

int csb_no_capabilities_but(const int *kept, int count) {
    cap_t wanted = cap_init();
    if (!wanted) return -errno;
    int failed = 0;
    for (int cap = 0; cap < 64 && !failed; cap++) {
        int keep = 0;
        for (int i = 0; i < count; i++) keep |= kept[i] == cap;
        cap_value_t value = cap;
        if (!keep && CAP_IS_SUPPORTED(cap)) failed = cap_drop_bound(cap) < 0 ? -errno : 0;
        if (keep && (cap_set_flag(wanted, CAP_PERMITTED, 1, &value, CAP_SET) < 0 ||
                     cap_set_flag(wanted, CAP_EFFECTIVE, 1, &value, CAP_SET) < 0))
            failed = -errno;
    }
    if (!failed && cap_set_proc(wanted) < 0) failed = -errno;
    cap_free(wanted);
    return failed;
}

int csb_close_range(unsigned first, unsigned last) { return result(close_range(first, last, 0)); }

int csb_landlock_version(void) { return result(syscall(SYS_landlock_create_ruleset, NULL, 0, 1)); }

int csb_set_rlimit(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {soft, hard};
    return result(setrlimit((__rlimit_resource_t)resource, &limit));
}

int csb_sethostname(const char *name) {
    size_t length = 0;
    while (name[length]) length++;
    return result(sethostname(name, length));
}

int csb_execve(const char *path, char *const arguments[], char *const environment[]) {
    return result(execve(path, arguments, environment));
}

int csb_spawn(const char *path, char *const arguments[], char *const environment[], const int *fds,
              int count, pid_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return -error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        // A thread pool's worker has signals blocked, and a child would inherit that.
        sigset_t all, none;
        sigfillset(&all);
        sigemptyset(&none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        // First above all of them, out of the way of each other, then into place.
        int above = count;
        for (int i = 0; i < count; i++)
            if (fds[i] >= above) above = fds[i] + 1;
        for (int i = 0; i < count && !error; i++)
            error = posix_spawn_file_actions_adddup2(&actions, fds[i], above + i);
        for (int i = 0; i < count && !error; i++)
            error = posix_spawn_file_actions_adddup2(&actions, above + i, i);
        if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, count);
        if (!error) error = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}
