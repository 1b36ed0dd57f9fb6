// System calls that a cell's filter denies and that are answered here instead: the kernel's answer would
// tell of other cells or of the host, or the call reaches more of the kernel than a handler needs.
// Runs in the handler of SIGSYS, in any thread, at any time: no locks, no allocation.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cell.h"

uint64_t cell_tmp_bytes;

// By a call that writes a byte to each end, which are at most a page apart.
static int is_writable(void *start, size_t length) {
    return syscall(SYS_rt_sigpending, start, 1) == 0 &&
           syscall(SYS_rt_sigpending, (char *)start + length - 1, 1) == 0;
}

// By a call that reads an event before it looks at the descriptor, which is none.
static int is_readable(const void *start) {
    return epoll_ctl(-1, EPOLL_CTL_ADD, -1, (struct epoll_event *)start) == 0 || errno != EFAULT;
}

// Locks are taken against other processes, and a cell is only one: every lock is free. The kernel is
// not asked, because the device nodes in /dev are the same files in all cells, and a lock on one of
// them could be seen there.
static long answer_lock(int fd, int command, struct flock *lock) {
    if (fcntl(fd, F_GETFD) < 0) return -EBADF;
    if (command != F_GETLK) return 0;
    if (!is_writable(&lock->l_type, sizeof lock->l_type)) return -EFAULT;
    lock->l_type = F_UNLCK;
    return 0;
}

// The machine's size is told, and nothing that other processes change.
static struct sysinfo machine;

void cell_look_at_machine(void) {
    struct sysinfo found;
    if (sysinfo(&found) < 0) return;
    machine = (struct sysinfo){
        .totalram = found.totalram, .freeram = found.totalram, .procs = 1, .mem_unit = found.mem_unit};
}

static long answer_sysinfo(struct sysinfo *into) {
    if (!is_writable(into, sizeof *into)) return -EFAULT;
    *into = machine;
    return 0;
}

// A bundle lies on the host's disk, and how full that is changes with what others do. So /tmp is told as
// large as it is and empty, and all else as full and read-only, which it is.
static long answer_statfs(const struct stat *file, struct statfs *into) {
    enum { BLOCK = 4096, FILES = 16384 };
    struct stat tmp;
    if (!is_writable(into, sizeof *into)) return -EFAULT;
    *into = (struct statfs){
        .f_type = TMPFS_MAGIC, .f_bsize = BLOCK, .f_frsize = BLOCK, .f_namelen = 255,
        // The first says that the others are there (statfs(2)).
        .f_flags = 0x20 | ST_NOSUID | ST_NODEV};
    if (stat("/tmp", &tmp) < 0 || tmp.st_dev != file->st_dev) {
        into->f_flags |= ST_RDONLY;
        return 0;
    }
    into->f_flags |= ST_NOEXEC;
    into->f_blocks = into->f_bfree = into->f_bavail = cell_tmp_bytes / BLOCK;
    into->f_files = into->f_ffree = FILES;
    return 0;
}

// Copies as sendfile(2) does, from a file that has places.
static long answer_sendfile(int out, int in, off_t *offset, size_t count) {
    char piece[16384];
    off_t own = lseek(in, 0, SEEK_CUR), at = own;
    if (own < 0) return errno == ESPIPE ? -EINVAL : -errno;
    if (offset) {
        if (!is_readable(offset)) return -EFAULT;
        at = *offset;
        if (!is_writable(offset, sizeof *offset)) return -EFAULT;
        *offset = at;
    }
    if (at < 0) return -EINVAL;
    size_t copied = 0;
    long error = 0;
    while (copied < count) {
        size_t wanted = count - copied < sizeof piece ? count - copied : sizeof piece;
        ssize_t got = pread(in, piece, wanted, at + (off_t)copied);
        ssize_t written = got > 0 ? write(out, piece, (size_t)got) : got;
        if (written < 0) error = -errno;
        if (written <= 0) break;
        copied += (size_t)written;
        if (written < got) break;
    }
    if (copied == 0 && error) return error;
    if (offset)
        *offset = at + (off_t)copied;
    else
        lseek(in, own + (off_t)copied, SEEK_SET);
    return (long)copied;
}

int cell_answer(long number, const uint64_t arguments[6], long *answer) {
    int fd = (int)arguments[0], command = (int)arguments[1];
    struct stat file;
    switch (number) {
    case SYS_fcntl:
        if (command != F_SETLK && command != F_SETLKW && command != F_GETLK) return 0;
        *answer = answer_lock(fd, command, (struct flock *)arguments[2]);
        return 1;
    case SYS_sysinfo:
        *answer = answer_sysinfo((struct sysinfo *)arguments[0]);
        return 1;
    case SYS_statfs:
        *answer = stat((const char *)arguments[0], &file) < 0
                      ? -errno
                      : answer_statfs(&file, (struct statfs *)arguments[1]);
        return 1;
    case SYS_fstatfs:
        *answer = fstat(fd, &file) < 0 ? -errno : answer_statfs(&file, (struct statfs *)arguments[1]);
        return 1;
    case SYS_sendfile:
        *answer = answer_sendfile(fd, command, (off_t *)arguments[2], arguments[3]);
        return 1;
    }
    return 0;
}
