// The fork server and the confinement of a cell, for the executors (ctypes, N-API).
#ifndef CLOISTER_CELL_H
#define CLOISTER_CELL_H

#include <stddef.h>
#include <stdint.h>

#include "cloister_wire.h"

#define CLOISTER_API __attribute__((visibility("default")))

// A call as handed to the language: both buffers live until the next call is waited for.
struct cloister_call {
    char *meta;
    size_t meta_bytes;
    char *event;
    size_t event_bytes;
    // This cell answers with cloister_answer_and_wait().
    int keeps;
};

// Serves forks until the supervisor goes away, then exits. Returns once in each cell: 1 when a call waits
// for it, else 0.
CLOISTER_API int cloister_serve(const char *detail);
// Waits for the call, then confines this process for good. Does not return on failure.
CLOISTER_API void cloister_park(struct cloister_call *call);
// Whether this process is to load a function and then call cloister_branch(): known after cloister_park().
CLOISTER_API int cloister_is_snapshot(void);
// Serves forks of this process, which has loaded a function. Returns once in each call's cell, which
// then parks. It has no threads and no descriptors that it had not when it was parked, or it ends.
CLOISTER_API void cloister_branch(void);
// Before cloister_branch(): finds the generators of random numbers in the libraries that are loaded. After
// it, in each fork: seeds them anew.
CLOISTER_API void cloister_find_generators(void);
CLOISTER_API void cloister_renew_generators(void);
// The user's code has loaded.
CLOISTER_API void cloister_loaded(void);
// Sends output (stream 1 or 2). What the supervisor no longer takes is lost.
CLOISTER_API void cloister_log(int stream, const char *bytes, size_t length);
// Sends the result ('R') or error ('E') as the last thing this cell says, and ends the process.
CLOISTER_API _Noreturn void cloister_answer(int type, const char *bytes, size_t length);
// Sends the result or error of a call, and waits for the next one.
CLOISTER_API void cloister_answer_and_wait(int type, const char *bytes, size_t length, struct cloister_call *next);
// Notes a refusal that raised no signal, as the first one if it is.
CLOISTER_API void cloister_denied(long number, const uint64_t arguments[6], const char *text);

// Shared between the files of this library.
extern struct cw_status *cell_status;
extern uint32_t cell_uid, cell_gid;
void cell_enter(const struct cw_spawn *spawn, const int *fds);
// Asks for a processor soon after its call has come.
void cell_start_soon(void);
// The program that confines this process at last.
void cell_read_filter(int fd);
// The one that a template's processes have from the start.
void cell_filter_template(int fd);
// In the template: what is open below `end`. In each cell: the same, but its own.
void cell_note_descriptors(int end);
void cell_renew_descriptors(void);
// The first descriptor below `end` that was not noted, or -1; and what it is, in words.
int cell_new_descriptor(int end);
const char *cell_descriptor_kind(int fd);
void cell_bind_function(const struct cw_call *call, int writable_tmp);
void cell_confine(const struct cw_call *call);
// A layer that denies all but reading, and writing below /tmp as it is now; -1 where there is none.
int cell_make_landlock(void);
// One that leaves files alone: a snapshot's calls get a /tmp that is not there yet.
int cell_make_outer_landlock(void);
void cell_use_landlock(int rules);
void cell_enter_landlock(void);
void cell_drop_capabilities(const int *kept, int count);
void cell_trap_denials(void);
// Answers a denied call in the kernel's place, as a result or -errno; 0 when it is denied indeed.
int cell_answer(long number, const uint64_t arguments[6], long *answer);
void cell_look_at_machine(void);
extern uint64_t cell_tmp_bytes;
_Noreturn void cell_fail(enum cw_stage stage, int error);

// Descriptors of this library's own live at and above the first number, so that a cell can drop them
// with one close_range() and keep what its runtime opened.
enum { CELL_OWN_FDS = 1000, CELL_MOVED_FDS = 2000, CELL_FIXED_FDS = 4, CELL_MAX_FDS = CELL_FIXED_FDS + CW_MAX_CGROUP_FDS };

int cell_move_up(int fd, int floor);
// One message and its descriptors. Sending returns 0 or -1; receiving returns as recvmsg(2), and at most
// `most` descriptors.
int cell_send(int socket, const void *bytes, size_t length, const int *fds, int count);
ssize_t cell_receive(int socket, void *bytes, size_t length, int *fds, int most, int *count);

// The forked processes of a template or keeper, and its socket to the supervisor (children.c).
struct cell_child {
    pid_t pid;
    int pidfd;
    uint32_t cell;
};
void cell_start_children(int control);
// Has something without a cell's number watched: cell_wait_children() hands it to a keeper.
void cell_watch(struct cell_child *other, int fd);
struct cell_child *cell_free_child(void);
int cell_is_child(pid_t pid);
void cell_add_child(struct cell_child *child, pid_t pid, int pidfd, uint32_t cell);
// Tells the supervisor, or ends this process when nobody listens.
void cell_tell(const void *message, size_t size, int fd);
void cell_tell_text(enum cw_message_type type, const char *text);
// Takes a request to fork; 1 when there is one. The caller closes the descriptors.
int cell_take_request(struct cw_spawn *request, int fds[CELL_MAX_FDS], int *count);
void cell_tell_exit(enum cw_message_type type, const struct cell_child *child);
// Waits, at most so many milliseconds. Reports the cells that ended; 1 when there may be a request.
int cell_wait_children(int milliseconds, struct cell_child **other);
int cell_has_children(void);

// This process is the fork of a snapshot, for one call, and is confined already.
extern int cell_is_branch;
// Becomes a keeper. Returns in its snapshot, confined (keep.c, snapshot.c).
void cell_keep(const struct cw_call *order, int control, int filter);
void cell_become_snapshot(const struct cw_call *order);
void cell_confine_snapshot(const struct cw_call *order);
// A snapshot's cell has its status page to itself, and this sends it.
void cell_send_status(void);
void cell_send_held(void);
// Threads that a runtime may have at rest besides the main one, and does without after a fork.
int cell_runtime_threads(void);

// Between a keeper and its snapshot, SOCK_SEQPACKET.
enum {
    KEEP_READY = 1,
    KEEP_FORK = 2,
    KEEP_FORKED = 3,
    KEEP_DROPPED = 4,  // from a new cell: it has no capabilities any more
};
struct keep_word {
    uint32_t type;
    int32_t value;  // KEEP_FORKED: the process id, or -errno
};
// From a keeper to a new cell, with the descriptors call socket, stdout, stderr, status page and, where
// there is Landlock, the cell's layer.
struct keep_cell {
    uint32_t has_landlock;
};

#endif
