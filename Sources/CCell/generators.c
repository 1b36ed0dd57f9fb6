// Random generators that live below a language: their state is memory, which forks of a snapshot have
// copies of. The ones that were in use while the code loaded would give every call the same numbers.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cell.h"

enum { MAX_COPIES = 16 };

// Of each copy of SQLite, the function that forgets its generator's state when it is asked for no bytes
// (https://sqlite.org/c3ref/randomness.html).
static void (*sqlite[MAX_COPIES])(int, void *);
static int sqlite_count;

static int look_in(struct dl_phdr_info *object, size_t size, void *nothing) {
    (void)size, (void)nothing;
    // The program itself has no name, and is found as NULL is opened.
    const char *name = object->dlpi_name && *object->dlpi_name ? object->dlpi_name : NULL;
    void *library = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
    if (!library) return 0;
    void (*found)(int, void *);
    *(void **)&found = dlsym(library, "sqlite3_randomness");
    dlclose(library);
    if (!found) return 0;
    // A library is asked for what it depends on too.
    for (int i = 0; i < sqlite_count; i++)
        if (sqlite[i] == found) return 0;
    if (sqlite_count < MAX_COPIES) sqlite[sqlite_count++] = found;
    return 0;
}

void cloister_find_generators(void) {
    sqlite_count = 0;
    dl_iterate_phdr(look_in, NULL);
}

void cloister_renew_generators(void) {
    struct {
        unsigned rand, random;
        unsigned short drand48[3];
    } seeds;
    if (getrandom(&seeds, sizeof seeds, 0) != (ssize_t)sizeof seeds) _Exit(CW_EXIT_SETUP);
    // One generator in glibc, two in musl.
    srand(seeds.rand);
    srandom(seeds.random);
    seed48(seeds.drand48);
    for (int i = 0; i < sqlite_count; i++) sqlite[i](0, NULL);
}
