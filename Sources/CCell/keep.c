// A keeper: a cell that keeps a snapshot of a loaded function, for calls to be forked from.
//
// A snapshot has run user code, so it has no privileges, and its word counts for nothing. The keeper,
// its parent and number 1 of their PID namespace, runs nothing but this file and has what a call's cell
// needs from outside: it joins it to its control group, mounts its /tmp, makes its Landlock layer and
// reaps it. A snapshot forks with CLONE_PARENT, so that its forks are the keeper's children.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cell.h"

enum {
    // A snapshot that does not fork within this time never will.
    FORK_LIMIT_MS = 15000,
    LOOK_MS = 5000,
    // CPU time that a waiting snapshot may use: at rest, and for each fork.
    REST_CPU_MS = 1000,
    FORK_CPU_MS = 250,
};

static struct cell_child snapshot, words;
static int word = -1;
static uint64_t tmp_bytes, cpu_seconds;
static uint64_t forks, cpu_before_ms;
static pid_t last_pid;
static int is_ready;

_Noreturn static void refuse(const char *text) {
    cell_tell_text(CW_REFUSED, text);
    _exit(0);
}

// ---- what is done in a cell's own mounts, by a process that comes back ----

struct helper {
    int pidfd;
    int rules;
    int error;
};

static int enter_and_mount(void *argument) {
    struct helper *job = argument;
    char options[96];
    // As many files as a cell's own /tmp has room for: see cell_enter().
    snprintf(options, sizeof options, "size=%llu,nr_inodes=16384,mode=1777", (unsigned long long)tmp_bytes);
    if (setns(job->pidfd, CLONE_NEWNS) < 0 ||
        mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0) {
        job->error = errno;
        _exit(1);
    }
    job->rules = cell_make_landlock();
    _exit(0);
}

static int do_nothing(void *argument) {
    (void)argument;
    _exit(0);
}

// Runs a function in a process with the keeper's memory and descriptors, and folders and mounts of its
// own: a process cannot leave a mount namespace without a descriptor of the one that it came from.
static pid_t run_helper(int (*function)(void *), void *argument, int *status) {
    static _Alignas(16) char stack[32768];
    pid_t pid = clone(function, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, argument);
    if (pid < 0) return -1;
    while (waitpid(pid, status, 0) < 0 && errno == EINTR) {}
    return pid;
}

// ---- what the kernel says of the snapshot ----

// Children and threads have one row of numbers. Looks at those given out since the last time.
static void look_between(pid_t from, pid_t to, int *threads) {
    *threads = 0;
    for (pid_t pid = from; pid < to; pid++) {
        if (pid == snapshot.pid) continue;
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 && !cell_is_child(pid))
            refuse("the code forked by itself, which only calls may do to a snapshot");
        if (syscall(SYS_tgkill, snapshot.pid, pid, 0) == 0 || errno == EPERM) ++*threads;
    }
}

static void look_at_threads(void) {
    int threads = 0;
    // A thread that has been joined can take a moment to go.
    for (int i = 0; i < 40; i++) {
        int status;
        pid_t newest = run_helper(do_nothing, NULL, &status);
        if (newest < 0) refuse("a process could not be made for the snapshot");
        look_between(2, newest, &threads);
        last_pid = newest;
        if (threads <= cell_runtime_threads()) return;
        poll(NULL, 0, 5);
    }
    char text[160];
    snprintf(text, sizeof text,
             "it left %d thread%s running, and a snapshot cannot keep threads: start them in the handler, or use isolation call",
             threads, threads == 1 ? "" : "s");
    refuse(text);
}

static uint64_t cpu_ms(void) {
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(snapshot.pid, &clock) || clock_gettime(clock, &used) < 0) return 0;
    return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

static void look_at_cpu(void) {
    if (is_ready && cpu_ms() > cpu_before_ms + REST_CPU_MS + forks * FORK_CPU_MS)
        refuse("the snapshot computed when it should have waited");
}

// ---- a call's cell ----

static int join_cgroup(const struct cw_spawn *request, const int *fds, pid_t pid) {
    char text[16];
    int length = snprintf(text, sizeof text, "%d", (int)pid);
    for (uint32_t i = 0; i < request->cgroup_fds; i++) {
        int file = fds[CELL_FIXED_FDS + i];
        // The snapshot's forks must not hold such a descriptor, or they could move themselves.
        if (request->cgroup == CW_CGROUP_DIRECTORY) file = openat(file, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        ssize_t written = file < 0 ? -1 : write(file, text, (size_t)length);
        int error = errno;
        if (request->cgroup == CW_CGROUP_DIRECTORY && file >= 0) close(file);
        if (written != length) return error;
    }
    return 0;
}

// Asks the snapshot for a fork, which gets one end of a socket.
static pid_t ask_for_fork(int end) {
    struct keep_word message = {.type = KEEP_FORK};
    struct pollfd waiting[2] = {{.fd = word, .events = POLLIN}, {.fd = snapshot.pidfd, .events = POLLIN}};
    if (cell_send(word, &message, sizeof message, &end, 1) < 0 || poll(waiting, 2, FORK_LIMIT_MS) < 1 ||
        !(waiting[0].revents & POLLIN))
        return -EPIPE;
    int none;
    if (cell_receive(word, &message, sizeof message, NULL, 0, &none) != sizeof message ||
        message.type != KEEP_FORKED)
        return -EPROTO;
    return message.value;
}

_Noreturn static void fail(const char *step, int error) {
    char text[160];
    snprintf(text, sizeof text, "a cell for a call could not be set up: %s: %s", step, strerror(error));
    refuse(text);
}

static void set_up(const struct cw_spawn *request, const int *fds, pid_t pid, int pidfd, int end) {
    int error = join_cgroup(request, fds, pid);
    if (error) fail("joining its cgroup", error);
    struct rlimit cpu = {cpu_seconds, cpu_seconds};
    if (prlimit(pid, RLIMIT_CPU, &cpu, NULL) < 0) fail("limiting its CPU time", errno);
    struct helper job = {.pidfd = pidfd, .rules = -1};
    int status = 0;
    if (run_helper(enter_and_mount, &job, &status) < 0) fail("starting a helper", errno);
    if (status != 0) fail("mounting /tmp", job.error ? job.error : EPROTO);
    int handed[CELL_FIXED_FDS + 1] = {fds[0], fds[1], fds[2], fds[3], job.rules};
    struct keep_cell message = {.has_landlock = job.rules >= 0};
    // It may have ended already, which is for its exit to tell.
    cell_send(end, &message, sizeof message, handed, CELL_FIXED_FDS + (job.rules >= 0));
    if (job.rules >= 0) close(job.rules);
}

static void spawn(const struct cw_spawn *request, const int *fds) {
    struct cw_spawned answer = {.type = CW_SPAWNED, .cell = request->cell};
    struct cell_child *child = cell_free_child();
    int ends[2], pidfd = -1;
    pid_t pid = -EAGAIN;
    if (child && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0) {
        pid = ask_for_fork(ends[1]);
        close(ends[1]);
        if (pid > 0) {
            siginfo_t info;
            // Only this process's own children, and none that it knows already.
            if (pid == snapshot.pid || cell_is_child(pid) ||
                waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0)
                refuse("the snapshot named a process that it did not fork");
            pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
            if (pidfd < 0) refuse("a fork of the snapshot cannot be watched");
            cell_add_child(child, pid, pidfd, request->cell);
            set_up(request, fds, pid, child->pidfd, ends[0]);
            int threads;
            look_between(last_pid + 1, pid, &threads);
            last_pid = pid;
            forks++;
        }
        close(ends[0]);
    }
    if (pid < 0) answer.error = -pid;
    cell_tell(&answer, sizeof answer, pid > 0 ? child->pidfd : -1);
}

static void serve_request(void) {
    struct cw_spawn request;
    int fds[CELL_MAX_FDS], count;
    if (!cell_take_request(&request, fds, &count)) return;
    spawn(&request, fds);
    for (int i = 0; i < count; i++) close(fds[i]);
}

static void become_ready(void) {
    struct keep_word message;
    int none;
    ssize_t got = cell_receive(word, &message, sizeof message, NULL, 0, &none);
    if (got <= 0) {
        // Its exit, which is to come, tells more. A socket at its end would be reported for ever.
        close(word);
        word = -1;
        return;
    }
    if (is_ready || got != sizeof message || message.type != KEEP_READY)
        refuse("the snapshot broke off its protocol");
    look_at_threads();
    // It has had the CPU time of a call for loading; from here on only its forks compute.
    struct rlimit none_left = {RLIM_INFINITY, RLIM_INFINITY};
    if (prlimit(snapshot.pid, RLIMIT_CPU, &none_left, NULL) < 0) refuse(strerror(errno));
    cpu_before_ms = cpu_ms();
    is_ready = 1;
    cell_tell_text(CW_READY, "");
}

_Noreturn static void keep(void) {
    for (;;) {
        struct cell_child *other = NULL;
        int asked = cell_wait_children(LOOK_MS, &other);
        if (other == &snapshot) {
            cell_tell_exit(CW_LOST, &snapshot);
            // Calls that run have nothing more to do with it.
            while (cell_has_children()) cell_wait_children(-1, NULL);
            _exit(0);
        }
        if (other == &words) become_ready();
        if (asked) serve_request();
        look_at_cpu();
    }
}

void cell_keep(const struct cw_call *order, int control, int filter) {
    int pair[2];
    // Handlers of signals are the interpreter's.
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    cell_bind_function(order, 0);
    cell_read_filter(filter);
    cell_start_children(control);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) cell_fail(CW_STAGE_PROTOCOL, errno);
    for (int i = 0; i < 2; i++) pair[i] = cell_move_up(pair[i], CELL_OWN_FDS);
    int pidfd = -1;
    long pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &pidfd, NULL, 0);
    if (pid < 0) cell_fail(CW_STAGE_PROTOCOL, errno);
    if (pid == 0) {
        int kept = dup2(pair[1], CELL_OWN_FDS - 1);
        if (kept < 0) cell_fail(CW_STAGE_PROTOCOL, errno);
        close_range(CELL_OWN_FDS, ~0U, 0);
        cell_become_snapshot(order);
        sigprocmask(SIG_SETMASK, &before, NULL);
        return;
    }
    tmp_bytes = order->tmp_bytes;
    for (uint32_t i = 0; i < order->rlimit_count && i < CW_MAX_RLIMITS; i++)
        if (order->rlimits[i].resource == RLIMIT_CPU) cpu_seconds = order->rlimits[i].soft;
    snapshot = (struct cell_child){.pid = (pid_t)pid, .pidfd = cell_move_up(pidfd, CELL_OWN_FDS)};
    munmap(cell_status, CW_STATUS_BYTES);
    cell_status = NULL;
    // What the interpreter had open is the snapshot's alone.
    close_range(0, CELL_OWN_FDS - 1, 0);
    close(pair[1]);
    word = pair[0];
    static const int kept[] = {CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAP_SYS_PTRACE, CAP_SYS_RESOURCE};
    cell_drop_capabilities(kept, 4);
    cell_watch(&snapshot, snapshot.pidfd);
    cell_watch(&words, word);
    keep();
}
