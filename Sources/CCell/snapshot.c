// A snapshot: a confined process that has loaded a function and is forked for every call. See keep.c.
// Everything here runs beside or after user code, under the snapshot's filter.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

enum {
    KEEPER = CELL_OWN_FDS - 1,  // the snapshot's socket to its keeper
    STATUS = CELL_OWN_FDS - 1,  // in its place in a cell: the status page
    // The one value of clone's flags that the snapshot's filter lets through besides threads:
    // executors/snapshot.seccomp.json has the same. A cell is its namespace's first process, which may not
    // use CLONE_PARENT (clone(2)), so that no call forks.
    FORK = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_PARENT | SIGCHLD,
};

int cell_is_branch;
static int is_snapshot;
static struct cw_status own_status;
static int sends_status;

int cloister_is_snapshot(void) { return is_snapshot; }

void cell_become_snapshot(const struct cw_call *order) {
    is_snapshot = 1;
    cell_confine_snapshot(order);
    // After the last one of this library has gone, so that its number counts as new.
    cell_note_descriptors(CELL_OWN_FDS);
}

// Calls must share no memory that can be written: a cell's page is a copy, and goes by a descriptor.
void cell_send_status(void) {
    if (sends_status && pwrite(STATUS, &own_status, sizeof own_status, 0) < 0) return;
}

_Noreturn static void refuse(int fd) {
    char text[256];
    int length = snprintf(text, sizeof text,
                          "{\"kind\":\"init\",\"type\":\"\",\"message\":\"it left descriptor %d open (%s), which calls "
                          "would share: open it in the handler, or use isolation call\",\"stack\":[]}",
                          fd, cell_descriptor_kind(fd));
    cloister_answer(CW_FRAME_ERROR, text, (size_t)length);
}

static void close_own(void) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    // The numbers stay taken, or the next descriptor would get one.
    if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
        dup2(null, CW_FD_CONTROL) < 0)
        cell_fail(CW_STAGE_PROTOCOL, errno);
    close(null);
    munmap(cell_status, CW_STATUS_BYTES);
    cell_status = &own_status;
}

// In a new cell: what its keeper hands it.
static void take_over(int socket) {
    struct keep_cell message;
    int fds[CELL_FIXED_FDS + 1], count;
    close(KEEPER);
    // What a new user namespace gives its first process. The keeper looks whether it is so.
    cell_drop_capabilities(NULL, 0);
    struct keep_word dropped = {.type = KEEP_DROPPED};
    if (cell_send(socket, &dropped, sizeof dropped, NULL, 0) < 0) _exit(0);
    ssize_t got = cell_receive(socket, &message, sizeof message, fds, CELL_FIXED_FDS + 1, &count);
    if (got != sizeof message || count != CELL_FIXED_FDS + (int)message.has_landlock) _exit(0);
    close(socket);
    if (dup3(fds[3], STATUS, O_CLOEXEC) < 0) _exit(CW_EXIT_SETUP);
    sends_status = 1;
    if (dup2(fds[0], CW_FD_CONTROL) < 0 || dup2(fds[1], STDOUT_FILENO) < 0 || dup2(fds[2], STDERR_FILENO) < 0)
        cell_fail(CW_STAGE_PROTOCOL, errno);
    if (setpgid(0, 0) < 0) cell_fail(CW_STAGE_SESSION, errno);
    if (message.has_landlock) {
        cell_use_landlock(fds[4]);
        cell_enter_landlock();
    }
    for (int i = 0; i < CELL_FIXED_FDS; i++) close(fds[i]);
    cell_renew_descriptors();
}

void cloister_branch(void) {
    int left = cell_new_descriptor(KEEPER);
    if (left >= 0) refuse(left);
    cell_send_held();
    close_own();
    cell_note_descriptors(KEEPER);
    struct keep_word message = {.type = KEEP_READY};
    if (cell_send(KEEPER, &message, sizeof message, NULL, 0) < 0) _exit(0);
    for (;;) {
        int socket = -1, count;
        ssize_t got = cell_receive(KEEPER, &message, sizeof message, &socket, 1, &count);
        if (got < 0 && errno == EINTR) continue;
        if (got != sizeof message || message.type != KEEP_FORK || count != 1) _exit(0);
        long pid = syscall(SYS_clone, (unsigned long)FORK, NULL, NULL, NULL, 0);
        if (pid == 0) {
            is_snapshot = 0;
            cell_is_branch = 1;
            take_over(socket);
            return;
        }
        message = (struct keep_word){.type = KEEP_FORKED, .value = pid < 0 ? -errno : (int32_t)pid};
        close(socket);
        if (cell_send(KEEPER, &message, sizeof message, NULL, 0) < 0) _exit(0);
    }
}
