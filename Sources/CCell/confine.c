// What a forked process does to itself, in two parts: what needs no function (while parked), and
// the rest, from the function's bundle to the seccomp filter, before any user code.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

struct cw_status *cell_status;
uint32_t cell_uid, cell_gid;

// What takes the last rights away before user code runs.
static struct sock_fprog closing;

_Noreturn void cell_fail(enum cw_stage stage, int error) {
    if (cell_status) {
        cell_status->failed_stage = stage;
        cell_status->failed_errno = error;
        cell_send_status();
    }
    _exit(CW_EXIT_SETUP);
}

static struct sock_fprog read_program(int fd) {
    struct stat info;
    if (fstat(fd, &info) < 0 || info.st_size == 0 ||
        info.st_size > (off_t)(BPF_MAXINSNS * sizeof(struct sock_filter)))
        _exit(122);
    void *mapped = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED) _exit(122);
    close(fd);
    return (struct sock_fprog){
        .len = (unsigned short)((size_t)info.st_size / sizeof(struct sock_filter)), .filter = mapped};
}

// Read once in the template; every cell has the copy that it was forked with.
void cell_read_filter(int fd) { closing = read_program(fd); }

// The kernel compiles a filter for the process that asks, and forks inherit it: so the large one is the
// template's, and denies what no process here needs. Its capabilities stand for no_new_privs.
void cell_filter_template(int fd) {
    struct sock_fprog program = read_program(fd);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) _exit(125);
    munmap(program.filter, program.len * sizeof *program.filter);
}

static void drop_bounding_set(void) {
    for (int cap = 0; cap <= 63; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
            if (errno == EINVAL && cap > CAP_LAST_CAP) return;
            if (errno != EINVAL) cell_fail(CW_STAGE_CAPABILITIES, errno);
        }
}

void cell_enter(const struct cw_spawn *spawn, const int *fds) {
    void *page = mmap(NULL, CW_STATUS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fds[3], 0);
    if (page == MAP_FAILED) _exit(CW_EXIT_SETUP);
    cell_status = page;
    if (dup2(fds[0], CW_FD_CONTROL) < 0 || dup2(fds[1], STDOUT_FILENO) < 0 ||
        dup2(fds[2], STDERR_FILENO) < 0)
        cell_fail(CW_STAGE_PROTOCOL, errno);
    if (spawn->cgroup == CW_CGROUP_TASKS)
        for (uint32_t i = 0; i < spawn->cgroup_fds; i++)
            // Writing 0 moves the writer itself, which the kernel does without the lock that
            // moving another process takes.
            if (write(fds[4 + i], "0", 1) != 1) cell_fail(CW_STAGE_CGROUP, errno);
    cell_uid = spawn->uid;
    cell_gid = spawn->gid;
    // A process group of its own, in its template's session: see cloister_serve().
    if (setpgid(0, 0) < 0) cell_fail(CW_STAGE_SESSION, errno);
    char options[64];
    snprintf(options, sizeof options, "size=%d,nr_inodes=16384,mode=1777", CW_TMP_BYTES);
    if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              options) < 0)
        cell_fail(CW_STAGE_TMP, errno);
    drop_bounding_set();
    cell_use_landlock(cell_make_landlock());
}

// A short slice brings a processor sooner and no more of it: a call would wait for the forks and rehearsals
// of others. Since Linux 6.12; older kernels change nothing (sched_setattr(2)). The supervisor takes it back
// from code that runs for long.
void cell_start_soon(void) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } wanted = {.size = sizeof wanted, .policy = SCHED_OTHER, .nice = getpriority(PRIO_PROCESS, 0), .runtime = 100000};
    syscall(SYS_sched_setattr, 0, &wanted, 0);
}

void cell_bind_function(const struct cw_call *call, int writable_tmp) {
    char source[CW_BUNDLE_NAME + 1] = "";
    memcpy(source, call->bundle, CW_BUNDLE_NAME);
    // From the covered store, which is the current folder until the end of this function. A bind keeps
    // the flags of the mount it is made from: read-only, nosuid, nodev.
    const char *place = call->is_task == 1 ? "/var/task" : "/function";
    if (mount(source, place, NULL, MS_BIND, NULL) < 0) cell_fail(CW_STAGE_BUNDLE, errno);
    if (call->layers[0]) {
        memcpy(source, call->layers, CW_BUNDLE_NAME);
        if (mount(source, "/opt", NULL, MS_BIND, NULL) < 0) cell_fail(CW_STAGE_BUNDLE, errno);
    }
    unsigned long flags = MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (!writable_tmp) {
        if (mount("tmpfs", "/tmp", NULL, flags | MS_RDONLY, NULL) < 0) cell_fail(CW_STAGE_TMP, errno);
    } else if (call->tmp_bytes != CW_TMP_BYTES) {
        char options[64];
        snprintf(options, sizeof options, "size=%llu", (unsigned long long)call->tmp_bytes);
        if (mount("tmpfs", "/tmp", NULL, flags, options) < 0) cell_fail(CW_STAGE_TMP_SIZE, errno);
    }
    cell_tmp_bytes = call->tmp_bytes;
    if (chdir(place) < 0) cell_fail(CW_STAGE_BUNDLE, errno);
}

void cell_drop_capabilities(const int *kept, int count) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {{0}};
    for (int i = 0; i < count; i++) {
        struct __user_cap_data_struct *half = &sets[CAP_TO_INDEX(kept[i])];
        half->permitted |= CAP_TO_MASK(kept[i]);
        half->effective = half->permitted;
    }
    if (syscall(SYS_capset, &head, sets) < 0) cell_fail(CW_STAGE_CAPABILITIES, errno);
}

static void drop_privileges(void) {
    // Where the world has one id only, there is no other to change to, and setgroups is refused.
    if (cell_uid != 0) {
        if (syscall(SYS_setgroups, 0, NULL) < 0) cell_fail(CW_STAGE_GROUPS, errno);
        if (syscall(SYS_setresgid, cell_gid, cell_gid, cell_gid) < 0)
            cell_fail(CW_STAGE_GROUPS, errno);
    }
    if (prctl(PR_SET_SECUREBITS,
              SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
                  SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                  SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
              0, 0, 0) < 0)
        cell_fail(CW_STAGE_CAPABILITIES, errno);
    if (cell_uid != 0 && syscall(SYS_setresuid, cell_uid, cell_uid, cell_uid) < 0)
        cell_fail(CW_STAGE_UID, errno);
    cell_drop_capabilities(NULL, 0);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) cell_fail(CW_STAGE_CAPABILITIES, errno);
}

// The part that needs no mounts.
static void confine(const struct cw_call *call) {
    if (call->rlimit_count > CW_MAX_RLIMITS) cell_fail(CW_STAGE_PROTOCOL, EINVAL);
    for (uint32_t i = 0; i < call->rlimit_count; i++) {
        struct rlimit limit = {call->rlimits[i].soft, call->rlimits[i].hard};
        // Not by the C library, which reads limits with the call that it sets them with.
        if (syscall(SYS_setrlimit, call->rlimits[i].resource, &limit) < 0)
            cell_fail(CW_STAGE_RLIMIT, errno);
    }
    drop_privileges();
    cell_enter_landlock();
    cell_trap_denials();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &closing) < 0)
        cell_fail(CW_STAGE_SECCOMP, errno);
}

void cell_confine(const struct cw_call *call) {
    cell_bind_function(call, 1);
    confine(call);
}

// Its keeper has made its mounts, and read the snapshot's filter. It gets a layer of Landlock that a
// call's own can be put on.
void cell_confine_snapshot(const struct cw_call *order) {
    cell_use_landlock(cell_make_outer_landlock());
    confine(order);
}
