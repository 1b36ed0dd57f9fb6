// The fork server: runs in the template, which holds no user code, and forks a cell a request.
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

// Returns 1 in the new cell, 0 in the template.
static int spawn(const struct cw_spawn *request, const int *fds) {
    struct cw_spawned answer = {.type = CW_SPAWNED, .cell = request->cell};
    struct cell_child *child = cell_free_child();
    int pidfd = -1;
    struct clone_args args = {
        .flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
    };
    if (request->cgroup == CW_CGROUP_DIRECTORY) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)fds[CELL_FIXED_FDS];
    }
    long pid = -1;
    if (child) {
        pid = syscall(SYS_clone3, &args, sizeof args);
        if (pid == 0) return 1;
        answer.error = pid < 0 ? errno : 0;
    } else {
        answer.error = EAGAIN;
    }
    if (pid > 0) cell_add_child(child, (pid_t)pid, pidfd, request->cell);
    cell_tell(&answer, sizeof answer, pid > 0 ? child->pidfd : -1);
    return 0;
}

// Takes one request. Returns 1 in the new cell, 0 in the template.
static int serve_request(int *hurries) {
    struct cw_spawn request;
    int fds[CELL_MAX_FDS], count;
    if (!cell_take_request(&request, fds, &count)) return 0;
    if (spawn(&request, fds)) {
        // What the template has for itself is at or above CELL_OWN_FDS, and is dropped with the rest.
        cell_enter(&request, fds);
        cell_renew_descriptors();
        close_range(CELL_OWN_FDS, ~0U, 0);
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

// Whether the loader wrote into code, where an object is built so that it must.
static int has_patched_code(const struct dl_phdr_info *object) {
    for (int i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
        const ElfW(Dyn) *entry = (const void *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++)
            if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && entry->d_un.d_val & DF_TEXTREL))
                return 1;
    }
    return 0;
}

// A template has run most of its interpreter's code for the last time, and cells map by themselves what
// they run of it: fork leaves out what comes from a file and was not written. So the kernel may have it.
static int let_code_go(struct dl_phdr_info *object, size_t size, void *nothing) {
    (void)size, (void)nothing;
    if (has_patched_code(object)) return 0;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        // Of what was never written, this drops the mappings and no contents.
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

int cloister_serve(const char *detail) {
    // Once: a cell that asks for it again has this from its template.
    static int serves;
    if (serves++) _exit(123);
    int hurries = 0;
    cover_store();
    cell_read_filter(CW_FD_CLOSING);
    cell_filter_template(CW_FD_FILTER);
    cell_note_descriptors(CELL_OWN_FDS);
    cell_start_children(CW_FD_CONTROL);
    dl_iterate_phdr(let_code_go, NULL);
    cell_tell_text(CW_READY, detail);
    for (;;)
        if (cell_wait_children(-1, NULL) && serve_request(&hurries)) return hurries;
}
