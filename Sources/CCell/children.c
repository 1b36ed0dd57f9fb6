// What a template and a keeper have in common: the processes that they forked, and the control socket.
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell.h"

enum { MAX_CHILDREN = 1024 };

static struct cell_child children[MAX_CHILDREN];
static int control = -1, poller = -1;

void cell_start_children(int socket) {
    // A keeper was forked from a template, and has its table.
    memset(children, 0, sizeof children);
    control = cell_move_up(socket, CELL_OWN_FDS);
    poller = cell_move_up(epoll_create1(EPOLL_CLOEXEC), CELL_OWN_FDS);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (control < 0 || poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, control, &event) < 0) _exit(121);
}

struct cell_child *cell_free_child(void) {
    for (int i = 0; i < MAX_CHILDREN; i++)
        if (!children[i].pid) return &children[i];
    return NULL;
}

int cell_is_child(pid_t pid) {
    for (int i = 0; i < MAX_CHILDREN; i++)
        if (children[i].pid == pid) return 1;
    return 0;
}

void cell_add_child(struct cell_child *child, pid_t pid, int pidfd, uint32_t cell) {
    *child = (struct cell_child){.pid = pid, .pidfd = cell_move_up(pidfd, CELL_OWN_FDS), .cell = cell};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = child};
    epoll_ctl(poller, EPOLL_CTL_ADD, child->pidfd, &event);
}

void cell_watch(struct cell_child *other, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = other};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) _exit(121);
}

int cell_has_children(void) {
    for (int i = 0; i < MAX_CHILDREN; i++)
        if (children[i].pid) return 1;
    return 0;
}

void cell_tell(const void *message, size_t size, int fd) {
    // A supervisor that no longer listens is the end of this process and, with it, of its cells.
    if (cell_send(control, message, size, &fd, fd >= 0) < 0) _exit(0);
}

void cell_tell_text(enum cw_message_type type, const char *text) {
    char message[512] = {0};
    uint32_t number = type;
    size_t length = strnlen(text, sizeof message - sizeof number);
    memcpy(message, &number, sizeof number);
    memcpy(message + sizeof number, text, length);
    cell_tell(message, sizeof number + length, -1);
}

int cell_take_request(struct cw_spawn *request, int fds[CELL_MAX_FDS], int *count) {
    ssize_t got = cell_receive(control, request, sizeof *request, fds, CELL_MAX_FDS, count);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return 0;
    if (got <= 0) _exit(0);
    for (int i = 0; i < *count; i++) fds[i] = cell_move_up(fds[i], CELL_MOVED_FDS);
    if (got == sizeof *request && request->type == CW_SPAWN &&
        *count == CELL_FIXED_FDS + (int)request->cgroup_fds)
        return 1;
    for (int i = 0; i < *count; i++) close(fds[i]);
    return 0;
}

void cell_tell_exit(enum cw_message_type type, const struct cell_child *child) {
    int status = 0;
    struct rusage used;
    if (wait4(child->pid, &status, __WALL, &used) != child->pid) return;
    struct cw_exited message = {
        .type = type,
        .cell = child->cell,
        .status = status,
        .user_us = (uint64_t)used.ru_utime.tv_sec * 1000000 + (uint64_t)used.ru_utime.tv_usec,
        .system_us = (uint64_t)used.ru_stime.tv_sec * 1000000 + (uint64_t)used.ru_stime.tv_usec,
        .max_rss_kb = (uint64_t)used.ru_maxrss,
    };
    cell_tell(&message, sizeof message, -1);
}

static void reap(struct cell_child *child) {
    // The supervisor has this pidfd too, so that closing it here does not end the watch.
    epoll_ctl(poller, EPOLL_CTL_DEL, child->pidfd, NULL);
    close(child->pidfd);
    cell_tell_exit(CW_EXITED, child);
    child->pid = 0;
}

// What a keeper waits for besides: its snapshot's socket and its snapshot. They have no cell's number.
int cell_wait_children(int milliseconds, struct cell_child **other) {
    struct epoll_event events[64];
    int count = epoll_wait(poller, events, 64, milliseconds), asked = 0;
    // Exits first: their places can then be taken by the requests that follow.
    for (int i = 0; i < count; i++) {
        struct cell_child *child = events[i].data.ptr;
        if (!child)
            asked = 1;
        else if (child->cell == 0 && other)
            *other = child;
        else
            reap(child);
    }
    return asked;
}
