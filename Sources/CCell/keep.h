// What keep.c and look.c have in common.
#ifndef CLOISTER_KEEP_H
#define CLOISTER_KEEP_H

#include <sys/resource.h>
#include <sys/types.h>

enum {
    // How often the kernel is asked what the snapshot has been doing.
    KEEP_LOOK_MS = 1000,
    // Process ids that are looked at where they have begun anew since the last time.
    KEEP_MOST_PIDS = 4096,
};

// Tells the supervisor what is wrong, and ends the keeper and with it all that it keeps.
_Noreturn void keep_refuse(const char *text);
// Runs a function in a process with the keeper's memory. Returns its number, or -1.
pid_t keep_run_helper(int (*function)(void *), void *argument, int *status);

// The snapshot, and the CPU seconds of all its life.
void keep_watch(pid_t pid, rlim_t cpu_seconds);
// It says that it is ready: it has no threads of the code's, and computes no more.
void keep_start_looking(void);
// The number of a process that has just been.
pid_t keep_newest_pid(void);
// Looks at the numbers given out since the last time, up to one.
void keep_look_since(pid_t newest);
// Looks at the CPU time used since the last time, with time for so many forks.
void keep_look_at_cpu(int forks);
// Has the kernel bound the time that is used until the next look.
void keep_limit_cpu(void);
void keep_look(void);

#endif
