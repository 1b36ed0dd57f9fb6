#ifndef CLOISTER_ALLOCATIONS_H
#define CLOISTER_ALLOCATIONS_H

#include <stdint.h>

/// How often this process has asked for memory: malloc, calloc, realloc and the aligned ones, of all
/// threads.
uint64_t cloister_allocations(void);

#endif
