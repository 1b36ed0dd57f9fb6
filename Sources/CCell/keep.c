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
#include "keep.h"

// A snapshot that does not fork within this time, or a fork that keeps its capabilities for longer, never
// will be as it must.
enum { FORK_LIMIT_MS = 5000 };

static struct cell_child snapshot, words;
static int word = -1;
static uint64_t tmp_bytes;
static struct rlimit call_cpu;
static int is_ready;

_Noreturn void keep_refuse(const char *text) {
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

// Runs a function in a process with the keeper's memory and descriptors, and folders and mounts of its
// own: a process cannot leave a mount namespace without a descriptor of the one that it came from.
pid_t keep_run_helper(int (*function)(void *), void *argument, int *status) {
    static _Alignas(16) char stack[32768];
    pid_t pid = clone(function, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, argument);
    if (pid < 0) return -1;
    while (waitpid(pid, status, 0) < 0 && errno == EINTR) {}
    return pid;
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

// Waits for a word on a socket, and looks at the snapshot's CPU time meanwhile. 0 when it has not come in
// time, or a process has gone.
static int wait_for_word(int socket, int pidfd) {
    struct pollfd waiting[2] = {{.fd = socket, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    for (int waited = 0; waited < FORK_LIMIT_MS; waited += KEEP_LOOK_MS) {
        int count = poll(waiting, 2, KEEP_LOOK_MS);
        if (count > 0) return waiting[0].revents & POLLIN;
        if (count < 0 && errno != EINTR) return 0;
        keep_look_at_cpu(1);
    }
    return 0;
}

// Asks the snapshot for a fork, which gets one end of a socket.
static pid_t ask_for_fork(int end) {
    struct keep_word message = {.type = KEEP_FORK};
    keep_limit_cpu();
    if (cell_send(word, &message, sizeof message, &end, 1) < 0 || !wait_for_word(word, snapshot.pidfd))
        return -EPIPE;
    int none;
    if (cell_receive(word, &message, sizeof message, NULL, 0, &none) != sizeof message ||
        message.type != KEEP_FORKED)
        return -EPROTO;
    return message.value;
}

// A fork has all capabilities in the user namespace that it came with until it says that it has dropped
// them. It gets no call before the kernel says so too. Returns 0 for one that has gone, which is for its exit
// to tell.
static int has_dropped(pid_t pid, int pidfd, int end) {
    struct keep_word message;
    int none;
    if (!wait_for_word(end, pidfd)) {
        struct pollfd gone = {.fd = pidfd, .events = POLLIN};
        if (poll(&gone, 1, 0) == 1) return 0;
        keep_refuse("a fork of the snapshot did not become a cell in time");
    }
    if (cell_receive(end, &message, sizeof message, NULL, 0, &none) != sizeof message) return 0;
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = pid};
    struct __user_cap_data_struct sets[2] = {{0}};
    if (message.type != KEEP_DROPPED || syscall(SYS_capget, &head, sets) < 0 ||
        (sets[0].effective | sets[0].permitted | sets[0].inheritable | sets[1].effective | sets[1].permitted |
         sets[1].inheritable))
        keep_refuse("a fork of the snapshot kept its capabilities");
    return 1;
}

// Each thread has capabilities of its own: there is to be one. Looks at the numbers from the fork's to that of
// a process that has just been.
static void look_for_threads(pid_t pid, pid_t newest) {
    int is_alone = newest - pid <= KEEP_MOST_PIDS;
    for (pid_t thread = pid + 1; is_alone && thread < newest; thread++)
        is_alone = syscall(SYS_tgkill, pid, thread, 0) < 0 && errno != EPERM;
    if (!is_alone) keep_refuse("a fork of the snapshot started threads before it was a cell");
}

_Noreturn static void fail(const char *step, int error) {
    char text[160];
    snprintf(text, sizeof text, "a cell for a call could not be set up: %s: %s", step, strerror(error));
    keep_refuse(text);
}

static void set_up(const struct cw_spawn *request, const int *fds, pid_t pid, int pidfd, int end) {
    int error = join_cgroup(request, fds, pid);
    if (error) fail("joining its cgroup", error);
    struct rlimit cpu = {call_cpu.rlim_cur, call_cpu.rlim_cur};
    if (prlimit(pid, RLIMIT_CPU, &cpu, NULL) < 0) fail("limiting its CPU time", errno);
    if (!has_dropped(pid, pidfd, end)) return;
    struct helper job = {.pidfd = pidfd, .rules = -1};
    int status = 0;
    pid_t helper = keep_run_helper(enter_and_mount, &job, &status);
    if (helper < 0) fail("starting a helper", errno);
    look_for_threads(pid, helper);
    // It has ended.
    if (status != 0 && job.error == ESRCH) return;
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
                keep_refuse("the snapshot named a process that it did not fork");
            pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
            if (pidfd < 0) keep_refuse("a fork of the snapshot cannot be watched");
            cell_add_child(child, pid, pidfd, request->cell);
            set_up(request, fds, pid, child->pidfd, ends[0]);
            keep_look_at_cpu(1);
            keep_look_since(pid);
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
        keep_refuse("the snapshot broke off its protocol");
    // It has had the CPU time of a call for loading; from here on only its forks compute.
    keep_start_looking();
    is_ready = 1;
    cell_tell_text(CW_READY, "");
}

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

_Noreturn static void keep(void) {
    uint64_t look_due_ms = 0;
    for (;;) {
        struct cell_child *other = NULL;
        int asked = cell_wait_children(KEEP_LOOK_MS, &other);
        if (other == &snapshot) {
            cell_tell_exit(CW_LOST, &snapshot);
            // Calls that run have nothing more to do with it, unless it left a fork that is no call's.
            if (cell_has_children()) keep_look_since(keep_newest_pid());
            while (cell_has_children()) cell_wait_children(-1, NULL);
            _exit(0);
        }
        if (other == &words) become_ready();
        if (asked) serve_request();
        // Also while calls come all the time.
        if (now_ms() >= look_due_ms) {
            if (is_ready) keep_look();
            look_due_ms = now_ms() + KEEP_LOOK_MS;
        }
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
        if (order->rlimits[i].resource == RLIMIT_CPU)
            call_cpu = (struct rlimit){order->rlimits[i].soft, order->rlimits[i].hard};
    snapshot = (struct cell_child){.pid = (pid_t)pid, .pidfd = cell_move_up(pidfd, CELL_OWN_FDS)};
    munmap(cell_status, CW_STATUS_BYTES);
    cell_status = NULL;
    // What the interpreter had open is the snapshot's alone.
    close_range(0, CELL_OWN_FDS - 1, 0);
    close(pair[1]);
    word = pair[0];
    keep_watch(snapshot.pid, call_cpu.rlim_max);
    static const int kept[] = {CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAP_SYS_PTRACE, CAP_SYS_RESOURCE};
    cell_drop_capabilities(kept, 4);
    cell_watch(&snapshot, snapshot.pidfd);
    cell_watch(&words, word);
    keep();
}
