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
void cell_read_filter(void);
// In the template: what is open below `end`. In each cell: the same, but its own.
void cell_note_descriptors(int end);
void cell_renew_descriptors(void);
void cell_confine(const struct cw_call *call);
void cell_prepare_landlock(void);
void cell_enter_landlock(void);
void cell_trap_denials(void);
_Noreturn void cell_fail(enum cw_stage stage, int error);

#endif
