// What crosses between the supervisor (Swift) and a template or cell (C): one machine, one build,
// so native byte order and alignment. Every structure has a fixed size and no pointers.
#ifndef CLOISTER_WIRE_H
#define CLOISTER_WIRE_H

#include <stdint.h>

// Descriptors that a template is started with.
enum {
    CW_FD_CONTROL = 3,  // SOCK_SEQPACKET to the supervisor; in a cell: its call socket
    // Seccomp programs, arrays of struct sock_filter:
    CW_FD_FILTER = 4,   // what the template and its cells have from the start
    CW_FD_CLOSING = 5,  // what a cell takes on besides, before user code runs
};

// ---- control socket, one message a packet ----

enum cw_message_type {
    CW_READY = 1,    // template → supervisor: warmed; the rest of the packet is text
    CW_SPAWN = 2,    // supervisor → template: struct cw_spawn and its descriptors
    CW_SPAWNED = 3,  // template → supervisor: struct cw_spawned and, on success, a pidfd
    CW_EXITED = 4,   // template → supervisor: struct cw_exited
    CW_LOST = 5,     // keeper → supervisor: struct cw_exited of its snapshot; cell is 0
    CW_REFUSED = 6,  // keeper → supervisor, and then it ends: text, what it found wrong
};

enum { CW_MAX_CGROUP_FDS = 4 };

enum cw_cgroup {
    CW_CGROUP_NONE = 0,
    CW_CGROUP_TASKS = 1,      // v1: a `tasks` file a controller; the cell writes itself in
    CW_CGROUP_DIRECTORY = 2,  // v2: the group's directory, for CLONE_INTO_CGROUP
};

// Descriptors, in this order: call socket, stdout, stderr, status page, cgroup_fds more.
struct cw_spawn {
    uint32_t type;
    uint32_t cell;  // the supervisor's number for it, echoed in the answers
    uint32_t uid;   // in the template's user namespace; 0 keeps the template's id
    uint32_t gid;
    uint32_t cgroup;  // enum cw_cgroup
    uint32_t cgroup_fds;
    uint32_t hurries;  // 1: a call waits for this cell
};

struct cw_spawned {
    uint32_t type;
    uint32_t cell;
    int32_t error;  // errno, 0 for success
    uint32_t reserved;
};

struct cw_exited {
    uint32_t type;
    uint32_t cell;
    int32_t status;  // as from wait(2)
    uint32_t reserved;
    uint64_t user_us;
    uint64_t system_us;
    uint64_t max_rss_kb;
};

// ---- call socket, a byte stream ----

// A parked cell's /tmp: the default of functions, so that most calls find it as they want it.
enum { CW_TMP_BYTES = 16 << 20 };

enum {
    CW_CALL_MAGIC = 0x31434c43,
    // A parked cell is to become a keeper: see keep.c. Two descriptors come with the first byte: its
    // control socket, and the seccomp program of its snapshot. There is no event.
    CW_KEEP_MAGIC = 0x3150454b,
    CW_BUNDLE_NAME = 64,
    CW_MAX_RLIMITS = 12,
};

struct cw_rlimit {
    uint32_t resource;
    uint32_t reserved;
    uint64_t soft;
    uint64_t hard;
};

// Supervisor → parked cell: this, then meta_bytes of JSON, then event_bytes of the event. A cell that
// serves on takes of its further calls only the lengths.
struct cw_call {
    uint32_t magic;
    uint32_t rlimit_count;
    uint64_t tmp_bytes;  // size of /tmp
    uint64_t meta_bytes;
    uint64_t event_bytes;
    uint32_t keeps;  // 1: the cell serves on after its answer, which CW_FRAME_PARKED follows
    uint32_t number;  // counts the calls of a cell that serves on, from 0; its answers echo 16 bits of it
    uint32_t is_task;  // 1: the bundle is seen at /var/task, as AWS Lambda has it, instead of /function
    uint32_t reserved;
    char bundle[CW_BUNDLE_NAME];  // folder in the bundle store, hex, not terminated
    char layers[CW_BUNDLE_NAME];  // the same, for /opt; zeros for none
    struct cw_rlimit rlimits[CW_MAX_RLIMITS];
};

enum cw_frame_type {
    CW_FRAME_PARKED = 'P',  // ready for a call; empty
    CW_FRAME_LOG = 'L',     // output; stream is 1 or 2, or 3 for a piece of a streamed result
    CW_FRAME_RESULT = 'R',  // the handler's result, JSON
    CW_FRAME_ERROR = 'E',   // the handler's error, JSON
};

// Cell → supervisor: this, then length bytes.
struct cw_frame {
    uint8_t type;
    uint8_t stream;
    uint16_t number;  // of the call that is answered; 0 in other frames
    uint32_t length;
};

// ---- status page, shared memory that the cell writes and the supervisor reads ----
// A cell's own word: it explains a verdict, it never makes one.

enum cw_stage {
    CW_STAGE_NONE = 0,
    CW_STAGE_CGROUP,
    CW_STAGE_TMP,
    CW_STAGE_BUNDLE,
    CW_STAGE_TMP_SIZE,
    CW_STAGE_RLIMIT,
    CW_STAGE_GROUPS,
    CW_STAGE_UID,
    CW_STAGE_CAPABILITIES,
    CW_STAGE_LANDLOCK,
    CW_STAGE_SECCOMP,
    CW_STAGE_PROTOCOL,
    CW_STAGE_SESSION,
};

enum { CW_STATUS_BYTES = 4096, CW_DENIED_TEXT = 128, CW_HELD_TEXT = 1024, CW_EXIT_SETUP = 120, CW_EXIT_ABORT = 134 };

struct cw_status {
    uint64_t confined_ns;  // CLOCK_MONOTONIC when the cell was confined and had the call
    uint64_t loaded_ns;    // … when the user's code had loaded
    uint32_t failed_stage;  // enum cw_stage of the set-up step that failed
    int32_t failed_errno;
    uint32_t out_of_memory;  // times that the runtime's own mmap was refused for want of memory
    uint32_t aborted;  // it called abort(): see trap.c
    uint32_t denials;
    uint16_t held_stream;
    uint16_t held_bytes;
    int64_t denied_nr;  // the first denied system call
    uint64_t denied_args[6];
    char denied_text[CW_DENIED_TEXT];  // its path, where it has one
    char held_text[CW_HELD_TEXT];  // what was printed last, while its line goes on
};

#endif
