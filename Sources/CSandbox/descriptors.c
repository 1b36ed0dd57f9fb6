#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "csandbox.h"

enum { MAX_FDS = 16 };

static int result(long value) { return value < 0 ? -errno : (int)value; }

int csb_memfd(const char *name, size_t size, int seal_size) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -errno;
    if (ftruncate(fd, (off_t)size) < 0 ||
        (seal_size && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int csb_socketpair(int type, int fds[2]) {
    return result(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds));
}

int csb_pipe(int fds[2]) { return result(pipe2(fds, O_CLOEXEC)); }

// For one that is new: it has no other flags to keep.
int csb_set_nonblocking(int fd) { return result(fcntl(fd, F_SETFL, O_NONBLOCK)); }

int csb_send_with_fds(int socket, const void *bytes, size_t length, const int *fds, int count) {
    char space[CMSG_SPACE(sizeof(int) * MAX_FDS)] = {0};
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
    if (count < 0 || count > MAX_FDS) return -EINVAL;
    if (count > 0) {
        head.msg_control = space;
        head.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&head);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
    }
    ssize_t sent = sendmsg(socket, &head, MSG_NOSIGNAL);
    return sent == (ssize_t)length ? 0 : sent < 0 ? -errno : -EMSGSIZE;
}

ssize_t csb_receive_with_fd(int socket, void *bytes, size_t length, int *fd) {
    char space[CMSG_SPACE(sizeof(int))];
    struct iovec part = {.iov_base = bytes, .iov_len = length};
    struct msghdr head = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    *fd = -1;
    ssize_t got = recvmsg(socket, &head, MSG_CMSG_CLOEXEC);
    if (got < 0) return -errno;
    struct cmsghdr *c = CMSG_FIRSTHDR(&head);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd, CMSG_DATA(c), sizeof(int));
    return got;
}

ssize_t csb_send_parts(int socket, const struct iovec *parts, int count) {
    struct msghdr head = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)count};
    ssize_t sent = sendmsg(socket, &head, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}
