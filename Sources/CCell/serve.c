// The fork server: runs in the template, which holds no user code, and forks a cell a request.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell.h"

enum {
    // Descriptors of the fork server's own live at and above this number, so that a cell can drop
    // them with one close_range() and keep what its runtime opened.
    OWN_FDS = 1000,
    MOVED_FDS = 2000,
    MAX_CELLS = 1024,
    FIXED_FDS = 4,
    MAX_FDS = FIXED_FDS + CW_MAX_CGROUP_FDS,
};

struct child {
    pid_t pid;
    int pidfd;
    uint32_t cell;
};

static struct child children[MAX_CELLS];
static int control = -1, poller = -1;

static int move_up(int fd, int floor) {
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, floor);
    if (moved >= 0) close(fd);
    return moved;
}

static void tell(const void *message, size_t size, int fd) {
    char space[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {.iov_base = (void *)message, .iov_len = size};
    struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        head.msg_control = space;
        head.msg_controllen = sizeof space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&head);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    // A supervisor that no longer listens is the end of this template and, with it, of its cells.
    while (sendmsg(control, &head, MSG_NOSIGNAL) < 0)
        if (errno != EINTR) _exit(0);
}

static void reap(struct child *child) {
    int status = 0;
    struct rusage used;
    if (wait4(child->pid, &status, __WALL, &used) != child->pid) return;
    struct cw_exited message = {
        .type = CW_EXITED,
        .cell = child->cell,
        .status = status,
        .user_us = (uint64_t)used.ru_utime.tv_sec * 1000000 + (uint64_t)used.ru_utime.tv_usec,
        .system_us = (uint64_t)used.ru_stime.tv_sec * 1000000 + (uint64_t)used.ru_stime.tv_usec,
        .max_rss_kb = (uint64_t)used.ru_maxrss,
    };
    // The supervisor has this pidfd too, so that closing it here does not end the watch.
    epoll_ctl(poller, EPOLL_CTL_DEL, child->pidfd, NULL);
    close(child->pidfd);
    child->pid = 0;
    tell(&message, sizeof message, -1);
}

// Returns 1 in the new cell, 0 in the template.
static int spawn(const struct cw_spawn *request, int *fds) {
    struct cw_spawned answer = {.type = CW_SPAWNED, .cell = request->cell};
    struct child *child = NULL;
    for (int i = 0; i < MAX_CELLS && !child; i++)
        if (!children[i].pid) child = &children[i];
    int pidfd = -1;
    struct clone_args args = {
        .flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
    };
    if (request->cgroup == CW_CGROUP_DIRECTORY) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)fds[FIXED_FDS];
    }
    long pid = -1;
    if (child) {
        pid = syscall(SYS_clone3, &args, sizeof args);
        if (pid == 0) return 1;
        answer.error = pid < 0 ? errno : 0;
    } else {
        answer.error = EAGAIN;
    }
    if (pid > 0) {
        pidfd = move_up(pidfd, OWN_FDS);
        *child = (struct child){.pid = (pid_t)pid, .pidfd = pidfd, .cell = request->cell};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = child};
        epoll_ctl(poller, EPOLL_CTL_ADD, pidfd, &event);
    }
    tell(&answer, sizeof answer, pid > 0 ? pidfd : -1);
    return 0;
}

// Takes one request. Returns 1 in the new cell, 0 in the template.
static int serve_request(int *hurries) {
    struct cw_spawn request;
    char space[CMSG_SPACE(sizeof(int) * MAX_FDS)];
    struct iovec part = {.iov_base = &request, .iov_len = sizeof request};
    struct msghdr head = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    ssize_t got = recvmsg(control, &head, MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return 0;
    if (got <= 0) _exit(0);

    int fds[MAX_FDS], count = 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(&head);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
    }
    for (int i = 0; i < count; i++) fds[i] = move_up(fds[i], MOVED_FDS);
    int in_cell = 0;
    if (got == sizeof request && request.type == CW_SPAWN &&
        count == FIXED_FDS + (int)request.cgroup_fds)
        in_cell = spawn(&request, fds);
    if (in_cell) {
        // poller and control are at or above OWN_FDS: cell_enter() drops them with the rest.
        cell_enter(&request, fds);
        cell_renew_descriptors();
        close_range(OWN_FDS, ~0U, 0);
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
    control = move_up(CW_FD_CONTROL, OWN_FDS);
    cover_store();
    cell_read_filter();
    cell_note_descriptors(OWN_FDS);
    poller = epoll_create1(EPOLL_CLOEXEC);
    poller = move_up(poller, OWN_FDS);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (control < 0 || poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, control, &event) < 0) _exit(121);

    char ready[256] = {0};
    uint32_t type = CW_READY;
    size_t length = strnlen(detail, sizeof ready - sizeof type);
    memcpy(ready, &type, sizeof type);
    memcpy(ready + sizeof type, detail, length);
    tell(ready, sizeof type + length, -1);

    int hurries = 0;
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(poller, events, 64, -1);
        // Exits first: their places can then be taken by the requests that follow.
        for (int i = 0; i < count; i++)
            if (events[i].data.ptr) reap(events[i].data.ptr);
        for (int i = 0; i < count; i++)
            if (!events[i].data.ptr && serve_request(&hurries)) return hurries;
    }
}
