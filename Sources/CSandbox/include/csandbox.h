// Kernel calls and constants that Glibc's Swift module leaves out: a few lines each, no policy.
// Every function returns what the system call returns, or -errno.
#ifndef CSANDBOX_H
#define CSANDBOX_H

#include <malloc.h>  // mallopt(3), which Swift's own module of the C library leaves out
#include <linux/mount.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>

// ---- processes ----
// CLONE_NEW… of linux/sched.h, which cannot be included beside sched.h.
static const uint64_t csb_new_mounts = 0x00020000, csb_new_uts = 0x04000000, csb_new_ipc = 0x08000000,
                      csb_new_user = 0x10000000, csb_new_pids = 0x20000000, csb_new_network = 0x40000000;
int csb_pidfd_open(pid_t pid);
int csb_pidfd_kill(int pidfd, int signal);
// Forks into new namespaces (CLONE_NEW…), as a sibling: the caller's parent is the child's too.
// Only for a process with one thread.
pid_t csb_fork_sibling(uint64_t namespaces, int *pidfd);
// Waits for a child by its pidfd; the status is as from wait(2).
int csb_reap(int pidfd, int *status);
// Makes a user namespace with a process that ends at once: 0, or why there can be none.
int csb_try_user_namespace(void);
int csb_prctl(int option, unsigned long argument);
int csb_setgroups_none(void);
int csb_set_ids(uid_t uid, gid_t gid);
int csb_no_capabilities_but(const int *kept, int count);
int csb_close_range(unsigned first, unsigned last);
int csb_set_rlimit(int resource, uint64_t soft, uint64_t hard);
// Has the kernel let a thread run for as long at a time as others of its nice level.
int csb_use_common_slice(pid_t thread);
// Gives the calling thread a nice level, and has others run after the shortest time: since Linux 6.12, which
// is when a slice can be asked for (sched_setattr(2)). Older kernels take the nice level alone.
int csb_give_way(int nice);
int csb_sethostname(const char *name);
int csb_execve(const char *path, char *const arguments[], char *const environment[]);
// Version of the Landlock interface, or -errno where the kernel has none.
int csb_landlock_version(void);
// Starts a program with exactly these descriptors as 0, 1, 2, …; signals as at a process's start.
int csb_spawn(const char *path, char *const arguments[], char *const environment[], const int *fds,
              int count, pid_t *pid);

// ---- mounts ----
int csb_open_tree(const char *path);
int csb_tree_attributes(int tree, uint64_t set);
int csb_attach_tree(int tree, const char *target);
int csb_path_attributes(const char *path, uint64_t set);
int csb_mount(const char *source, const char *target, const char *type, unsigned long flags,
              const char *options);
int csb_pivot(const char *root);
extern const unsigned long csb_ms_rec_private;

// ---- descriptors ----
int csb_memfd(const char *name, size_t size, int seal_size);
int csb_socketpair(int type, int fds[2]);
int csb_pipe(int fds[2]);
int csb_set_nonblocking(int fd);
int csb_send_with_fds(int socket, const void *bytes, size_t length, const int *fds, int count);
// Receives one packet and at most one descriptor (-1 when there is none).
ssize_t csb_receive_with_fd(int socket, void *bytes, size_t length, int *fd);
ssize_t csb_send_parts(int socket, const struct iovec *parts, int count);

// ---- Swift's runtime ----
// What it hands tasks to instead of its own pool of threads, null at first.
extern void *swift_task_enqueueGlobal_hook;
static inline void csb_set_enqueue_hook(void *hook)
{
    swift_task_enqueueGlobal_hook = hook;
}

#endif
