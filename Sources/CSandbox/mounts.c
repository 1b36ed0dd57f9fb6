#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "csandbox.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static int result(long value) { return value < 0 ? -errno : (int)value; }

const unsigned long csb_ms_rec_private = MS_REC | MS_PRIVATE;

int csb_open_tree(const char *path) {
    return result(syscall(SYS_open_tree, AT_FDCWD, path,
                          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
}

int csb_tree_attributes(int tree, uint64_t set) {
    struct mount_attr attributes = {.attr_set = set, .propagation = MS_PRIVATE};
    return result(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                          sizeof attributes));
}

int csb_attach_tree(int tree, const char *target) {
    return result(syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH));
}

int csb_path_attributes(const char *path, uint64_t set) {
    struct mount_attr attributes = {.attr_set = set};
    return result(syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &attributes, sizeof attributes));
}

int csb_mount(const char *source, const char *target, const char *type, unsigned long flags,
              const char *options) {
    return result(mount(source, target, type, flags, options));
}

int csb_pivot(const char *root) {
    // The old root is stacked below the new one at the same place, then taken away: no folder for
    // it has to exist (pivot_root(2), "pivot_root(".", ".")").
    if (chdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
        chdir("/") < 0)
        return -errno;
    return 0;
}
