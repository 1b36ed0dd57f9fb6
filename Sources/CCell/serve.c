// The fork server: runs in the template, which holds no user code, and forks a cell a request.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

// Returns 1 in the new cell, 0 in the template.
static int spawn(const struct cw_spawn *request, const int *fds) {
    struct cw_spawned answer = {.type = CW_SPAWNED, .cell = request->cell};
    struct cell_child *child = cell_free_child();
    int pidfd = -1;
    struct clone_args args = {
        .flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
    };
    if (request->cgroup == CW_CGROUP_DIRECTORY) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)fds[CELL_FIXED_FDS];
    }
    long pid = -1;
    if (child) {
        pid = syscall(SYS_clone3, &args, sizeof args);
        if (pid == 0) return 1;
        answer.error = pid < 0 ? errno : 0;
    } else {
        answer.error = EAGAIN;
    }
    if (pid > 0) cell_add_child(child, (pid_t)pid, pidfd, request->cell);
    cell_tell(&answer, sizeof answer, pid > 0 ? child->pidfd : -1);
    return 0;
}

// Takes one request. Returns 1 in the new cell, 0 in the template.
static int serve_request(int *hurries) {
    struct cw_spawn request;
    int fds[CELL_MAX_FDS], count;
    if (!cell_take_request(&request, fds, &count)) return 0;
    if (spawn(&request, fds)) {
        // What the template has for itself is at or above CELL_OWN_FDS, and is dropped with the rest.
        cell_enter(&request, fds);
        cell_renew_descriptors();
        close_range(CELL_OWN_FDS, ~0U, 0);
        *hurries = request.hurries == 1;
        return 1;
    }
    for (int i = 0; i < count; i++) close(fds[i]);
    return 0;
}

// Cells find the bundle store as the folder that they start in, and by no path: it is covered here, once,
// and each cell's mount namespace is a copy. Unmounting it in every cell instead made each call wait for
// an RCU grace period.
static void cover_store(void) {
    if (chdir("/store") < 0) _exit(124);
    if (mount("tmpfs", "/store", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "size=4k,nr_inodes=2,mode=0555") < 0)
        _exit(124);
}

int cloister_serve(const char *detail) {
    // Once: a cell that asks for it again has this from its template.
    static int serves;
    if (serves++) _exit(123);
    int hurries = 0;
    cover_store();
    cell_read_filter(CW_FD_CLOSING);
    cell_filter_template(CW_FD_FILTER);
    cell_note_descriptors(CELL_OWN_FDS);
    cell_start_children(CW_FD_CONTROL);
    cell_tell_text(CW_READY, detail);
    for (;;)
        if (cell_wait_children(-1, NULL) && serve_request(&hurries)) return hurries;
}
