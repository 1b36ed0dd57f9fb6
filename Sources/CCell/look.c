// What a keeper asks the kernel about its snapshot, whose word counts for nothing: see keep.c.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cell.h"
#include "keep.h"

enum {
    // CPU time that a waiting snapshot may use: in all, and besides for each fork.
    REST_CPU_MS = 1000,
    FORK_CPU_MS = 250,
};

static pid_t snapshot, last_pid;
static rlim_t most_cpu;
// CPU time of the snapshot when it was last looked at, and what it has used besides forking since it was ready.
static uint64_t cpu_seen_ms, cpu_idle_ms;

void keep_watch(pid_t pid, rlim_t cpu_seconds) {
    snapshot = pid;
    most_cpu = cpu_seconds;
}

static int do_nothing(void *argument) {
    (void)argument;
    _exit(0);
}

// Children and threads have one row of numbers. Looks at those from one number to before another.
static int look_between(pid_t from, pid_t to) {
    int threads = 0;
    for (pid_t pid = from; pid < to; pid++) {
        if (pid == snapshot) continue;
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 && !cell_is_child(pid))
            keep_refuse("the code forked by itself, which only calls may do to a snapshot");
        if (syscall(SYS_tgkill, snapshot, pid, 0) == 0 || errno == EPERM) threads++;
    }
    return threads;
}

// Looks at the numbers given out since the last time, up to one that has just been: when they have begun
// anew, at a part of them. The supervisor counts the tasks of the group besides, where there is one.
void keep_look_since(pid_t newest) {
    int threads = newest > last_pid ? look_between(last_pid + 1, newest)
                                    : look_between(last_pid + 1, last_pid + KEEP_MOST_PIDS) +
                                          look_between(2, newest < KEEP_MOST_PIDS ? newest : KEEP_MOST_PIDS);
    last_pid = newest;
    if (threads > 0) keep_refuse("the snapshot started a thread when it should have waited");
}

pid_t keep_newest_pid(void) {
    int status;
    pid_t newest = keep_run_helper(do_nothing, NULL, &status);
    if (newest < 0) keep_refuse("a process could not be made for the snapshot");
    return newest;
}

static void look_at_threads(void) {
    int threads = 0;
    // A thread that has been joined can take a moment to go.
    for (int i = 0; i < 40; i++) {
        pid_t newest = keep_newest_pid();
        threads = look_between(2, newest);
        last_pid = newest;
        if (threads <= cell_runtime_threads()) return;
        poll(NULL, 0, 5);
    }
    char text[160];
    snprintf(text, sizeof text,
             "it left %d thread%s running, and a snapshot cannot keep threads: start them in the handler, or use isolation call",
             threads, threads == 1 ? "" : "s");
    keep_refuse(text);
}

static uint64_t cpu_ms(void) {
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(snapshot, &clock) || clock_gettime(clock, &used) < 0) return 0;
    return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

// Time for a fork that is not used is not kept for later.
void keep_look_at_cpu(int forks) {
    uint64_t now = cpu_ms(), own = cpu_seen_ms + (uint64_t)forks * FORK_CPU_MS;
    if (now > own) cpu_idle_ms += now - own;
    if (now > cpu_seen_ms) cpu_seen_ms = now;
    if (cpu_idle_ms > REST_CPU_MS) keep_refuse("the snapshot computed when it should have waited");
}

// The kernel's own limit, for the time between two looks, and for forks that nobody knows of: they have it
// from the snapshot. Its hard part bounds all of a snapshot's life.
void keep_limit_cpu(void) {
    struct rlimit limit = {(cpu_seen_ms + REST_CPU_MS + FORK_CPU_MS) / 1000 + 1, most_cpu};
    if (limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
    if (prlimit(snapshot, RLIMIT_CPU, &limit, NULL) < 0 && errno != ESRCH) keep_refuse(strerror(errno));
}

// At every tick, also while the snapshot is asked for something: nothing of it computes, starts a thread or
// forks unasked.
void keep_look(void) {
    keep_look_at_cpu(0);
    keep_look_since(keep_newest_pid());
}

void keep_start_looking(void) {
    look_at_threads();
    cpu_seen_ms = cpu_ms();
    keep_limit_cpu();
}
