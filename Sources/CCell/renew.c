// What a cell would share with its template, and through it with every other cell: a descriptor's
// open file description. A pipe or an eventfd carries data, and flags set on any of them stay set.
// So each cell gets new ones at the same numbers, before its runtime looks at them again.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cell.h"

enum { MAX_INHERITED = 256 };
enum kind { DEVICE, PIPE, EVENTS, POLLER, UNKNOWN, RENEWED };

struct inherited {
    int fd;
    enum kind kind;
    int flags;  // of the description
    int own_flags;  // of the descriptor
    ino_t pipe;
    const char *path;
};

static struct inherited inherited[MAX_INHERITED];
static int inherited_count;

static const char *device_path(dev_t device) {
    static const char *const memory[] = {
        [3] = "/dev/null", [5] = "/dev/zero", [7] = "/dev/full", [8] = "/dev/random", [9] = "/dev/urandom"};
    if (major(device) != 1 || minor(device) >= sizeof memory / sizeof *memory) return NULL;
    return memory[minor(device)];
}

// The kinds that have no type in their mode: each knows its own operation only.
static enum kind anonymous_kind(int fd) {
    uint64_t nothing = 0;
    struct epoll_event event = {0};
    if (epoll_ctl(fd, EPOLL_CTL_DEL, STDOUT_FILENO, &event) == 0 || errno == ENOENT) return POLLER;
    return write(fd, &nothing, sizeof nothing) == sizeof nothing ? EVENTS : UNKNOWN;
}

void cell_note_descriptors(int end) {
    inherited_count = 0;
    for (int fd = 0; fd < end; fd++) {
        struct stat info;
        // The cell's own are put over these three.
        if (fd == STDOUT_FILENO || fd == STDERR_FILENO || fd == CW_FD_CONTROL) continue;
        if (fstat(fd, &info) < 0) continue;
        if (inherited_count == MAX_INHERITED) _exit(123);
        struct inherited *one = &inherited[inherited_count++];
        *one = (struct inherited){
            .fd = fd, .kind = UNKNOWN, .flags = fcntl(fd, F_GETFL), .own_flags = fcntl(fd, F_GETFD)};
        switch (info.st_mode & S_IFMT) {
        case S_IFIFO:
            one->kind = PIPE;
            one->pipe = info.st_ino;
            break;
        case S_IFCHR:
            one->path = device_path(info.st_rdev);
            if (one->path) one->kind = DEVICE;
            break;
        case 0:
            one->kind = anonymous_kind(fd);
            break;
        }
    }
}

static void replace(struct inherited *one, int fresh) {
    if (fresh < 0 || dup3(fresh, one->fd, one->own_flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0 ||
        fcntl(one->fd, F_SETFL, one->flags) < 0)
        cell_fail(CW_STAGE_PROTOCOL, errno);
    one->kind = RENEWED;
}

static void replace_pipe(ino_t pipe) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) cell_fail(CW_STAGE_PROTOCOL, errno);
    for (int i = 0; i < inherited_count; i++)
        if (inherited[i].kind == PIPE && inherited[i].pipe == pipe)
            replace(&inherited[i], ends[(inherited[i].flags & O_ACCMODE) != O_RDONLY]);
    close(ends[0]);
    close(ends[1]);
}

void cell_renew_descriptors(void) {
    for (int i = 0; i < inherited_count; i++) {
        struct inherited *one = &inherited[i];
        int fresh = -1;
        switch (one->kind) {
        case PIPE: replace_pipe(one->pipe); continue;
        case RENEWED: continue;
        // Nothing that a runtime keeps open at this point; what cannot be renewed is not shared.
        case UNKNOWN: close(one->fd); continue;
        case DEVICE: fresh = open(one->path, (one->flags & O_ACCMODE) | O_CLOEXEC); break;
        case EVENTS: fresh = eventfd(0, EFD_CLOEXEC); break;
        case POLLER: fresh = epoll_create1(EPOLL_CLOEXEC); break;
        }
        replace(one, fresh);
        close(fresh);
    }
}

int cell_new_descriptor(int end) {
    for (int fd = 0; fd < end; fd++) {
        if (fd == STDOUT_FILENO || fd == STDERR_FILENO || fd == CW_FD_CONTROL) continue;
        if (fcntl(fd, F_GETFD) < 0) continue;
        int known = 0;
        for (int i = 0; i < inherited_count; i++) known |= inherited[i].fd == fd;
        if (!known) return fd;
    }
    return -1;
}

const char *cell_descriptor_kind(int fd) {
    struct stat info;
    if (fstat(fd, &info) < 0) return "gone";
    switch (info.st_mode & S_IFMT) {
    case S_IFIFO: return "a pipe";
    case S_IFSOCK: return "a socket";
    case S_IFREG: return "an open file";
    case S_IFDIR: return "an open folder";
    case S_IFCHR: return "an open device";
    }
    switch (anonymous_kind(fd)) {
    case POLLER: return "a poll of other descriptors";
    case EVENTS: return "an event counter";
    default: return "not a file";
    }
}
