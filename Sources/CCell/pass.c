// Messages with descriptors, between the processes of a template.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cell.h"

int cell_move_up(int fd, int floor) {
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, floor);
    if (moved >= 0) close(fd);
    return moved;
}

int cell_send(int socket, const void *bytes, size_t length, const int *fds, int count) {
    char space[CMSG_SPACE(sizeof(int) * CELL_MAX_FDS)] = {0};
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        head.msg_control = space;
        head.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&head);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
    }
    while (sendmsg(socket, &head, MSG_NOSIGNAL) < 0)
        if (errno != EINTR) return -1;
    return 0;
}

ssize_t cell_receive(int socket, void *bytes, size_t length, int *fds, int most, int *count) {
    char space[CMSG_SPACE(sizeof(int) * CELL_MAX_FDS)];
    struct iovec part = {.iov_base = bytes, .iov_len = length};
    struct msghdr head = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    *count = 0;
    ssize_t got = recvmsg(socket, &head, MSG_CMSG_CLOEXEC);
    if (got < 0) return got;
    struct cmsghdr *c = CMSG_FIRSTHDR(&head);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        int received[CELL_MAX_FDS];
        int all = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(received, CMSG_DATA(c), (size_t)all * sizeof(int));
        for (int i = 0; i < all; i++)
            if (i < most)
                fds[(*count)++] = received[i];
            else
                close(received[i]);
    }
    return got;
}
