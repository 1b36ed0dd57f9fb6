// One more layer over the mounts: even if a mount were writable by mistake, only /tmp may be
// written, and nothing outside the cell may be signalled or connected to. Kernels without Landlock
// leave this out; the evaluator reports it (landlock(7)).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

// linux/landlock.h of older systems lacks what newer kernels have, so the numbers stand here.
enum {
    EXECUTE = 1 << 0, WRITE_FILE = 1 << 1, READ_FILE = 1 << 2, READ_DIR = 1 << 3,
    REMOVE_DIR = 1 << 4, REMOVE_FILE = 1 << 5, MAKE_CHAR = 1 << 6, MAKE_DIR = 1 << 7,
    MAKE_REG = 1 << 8, MAKE_SOCK = 1 << 9, MAKE_FIFO = 1 << 10, MAKE_BLOCK = 1 << 11,
    MAKE_SYM = 1 << 12, REFER = 1 << 13, TRUNCATE = 1 << 14, IOCTL_DEV = 1 << 15,
    NET_BIND_TCP = 1 << 0, NET_CONNECT_TCP = 1 << 1,
    SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0, SCOPE_SIGNAL = 1 << 1,
    CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1,
};

struct ruleset {
    uint64_t handled_fs, handled_net, scoped;
};

struct __attribute__((packed)) beneath {
    uint64_t allowed;
    int32_t parent;
};

// What each version of the interface added: 2 REFER, 3 TRUNCATE, 4 network, 5 IOCTL_DEV, 6 scopes.
static long version(void) { return syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION); }

static int make(struct ruleset *wanted) {
    if (version() >= 4) wanted->handled_net = NET_BIND_TCP | NET_CONNECT_TCP;
    if (version() >= 6) wanted->scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    size_t size = version() >= 6 ? sizeof *wanted : version() >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    int rules = (int)syscall(SYS_landlock_create_ruleset, wanted, size, 0);
    if (rules < 0) cell_fail(CW_STAGE_LANDLOCK, errno);
    return rules;
}

static void allow(int rules, const char *path, uint64_t access, uint64_t handled) {
    struct beneath rule = {access & handled, open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent < 0 || syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &rule, 0) < 0)
        cell_fail(CW_STAGE_LANDLOCK, errno);
    close(rule.parent);
}

int cell_make_landlock(void) {
    if (version() < 1) return -1;
    struct ruleset wanted = {.handled_fs = (1 << 13) - 1};
    if (version() >= 2) wanted.handled_fs |= REFER;
    if (version() >= 3) wanted.handled_fs |= TRUNCATE;
    if (version() >= 5) wanted.handled_fs |= IOCTL_DEV;
    int rules = make(&wanted);
    allow(rules, "/", READ_FILE | READ_DIR, wanted.handled_fs);
    allow(rules, "/dev", READ_FILE | WRITE_FILE, wanted.handled_fs);
    allow(rules, "/tmp",
          READ_FILE | WRITE_FILE | READ_DIR | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK |
              MAKE_FIFO | MAKE_SYM | REFER | TRUNCATE,
          wanted.handled_fs);
    return rules;
}

int cell_make_outer_landlock(void) {
    if (version() < 1) return -1;
    struct ruleset wanted = {.handled_fs = EXECUTE | MAKE_CHAR | MAKE_BLOCK};
    // Every layer denies moves between folders unless it allows them.
    if (version() >= 2) wanted.handled_fs |= REFER;
    if (version() >= 5) wanted.handled_fs |= IOCTL_DEV;
    int rules = make(&wanted);
    if (version() >= 2) allow(rules, "/", REFER, wanted.handled_fs);
    return rules;
}

static int prepared = -1;

void cell_use_landlock(int rules) {
    if (prepared >= 0) close(prepared);
    prepared = rules;
}

// After the last mount: a process under Landlock can make no more.
void cell_enter_landlock(void) {
    if (prepared < 0) return;
    if (syscall(SYS_landlock_restrict_self, prepared, 0) < 0) cell_fail(CW_STAGE_LANDLOCK, errno);
    close(prepared);
    prepared = -1;
}
