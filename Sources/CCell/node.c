// What Node needs: the library as an N-API addon, and V8's heap kept across fork.
//
// The few declarations of Node-API and libuv that are used stand here, weak, so that one shared
// object serves Node (which has them) and Python (which has not), with no headers to install.
// Both are ABI-stable: https://nodejs.org/api/n-api.html
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell.h"

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
typedef struct napi_ref__ *napi_ref;
typedef struct napi_handle_scope__ *napi_handle_scope;
typedef int napi_status;
struct uv_loop_s;

#define NODE __attribute__((weak))
NODE napi_status napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
NODE napi_status napi_set_named_property(napi_env, napi_value, const char *, napi_value);
NODE napi_status napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
NODE napi_status napi_get_uv_event_loop(napi_env, struct uv_loop_s **);
NODE napi_status napi_create_string_utf8(napi_env, const char *, size_t, napi_value *);
NODE napi_status napi_get_value_string_utf8(napi_env, napi_value, char *, size_t, size_t *);
NODE napi_status napi_get_boolean(napi_env, _Bool, napi_value *);
NODE napi_status napi_create_object(napi_env, napi_value *);
NODE napi_status napi_get_value_int32(napi_env, napi_value, int32_t *);
NODE napi_status napi_get_buffer_info(napi_env, napi_value, void **, size_t *);
NODE napi_status napi_throw_error(napi_env, const char *, const char *);
NODE int uv_loop_fork(struct uv_loop_s *);
NODE int RAND_poll(void);
NODE napi_status napi_create_reference(napi_env, napi_value, uint32_t, napi_ref *);
NODE napi_status napi_get_reference_value(napi_env, napi_ref, napi_value *);
NODE napi_status napi_open_handle_scope(napi_env, napi_handle_scope *);
NODE napi_status napi_close_handle_scope(napi_env, napi_handle_scope);
NODE napi_status napi_get_global(napi_env, napi_value *);
NODE napi_status napi_make_callback(napi_env, void *, napi_value, napi_value, size_t, const napi_value *, napi_value *);
NODE int uv_prepare_init(struct uv_loop_s *, void *);
NODE int uv_prepare_start(void *, void (*)(void *));
NODE int uv_loop_alive(const struct uv_loop_s *);
NODE void uv_ref(void *);
NODE void uv_unref(void *);

// V8 marks its heap MADV_DONTFORK, and a cell is a fork: answered here with success and nothing
// done. This library is preloaded into Node, so the symbol comes before libc's.
CLOISTER_API int madvise(void *address, size_t length, int advice) {
    if (advice == MADV_DONTFORK) return 0;
    return (int)syscall(SYS_madvise, address, length, advice);
}

// Where processors have protection keys, V8 takes one at its start and then needs pkey_mprotect for
// every WebAssembly module, which a cell may not call: it would end itself. Without a key it does
// without. It looks the symbol up by name, and finds this one.
CLOISTER_API int pkey_alloc(unsigned flags, unsigned rights) {
    (void)flags;
    (void)rights;
    errno = ENOSYS;
    return -1;
}

static void note_refusal(void) {
    int error = errno;
    if (error != ENOMEM || !cell_status) return;
    cell_status->out_of_memory++;
    cell_send_status();
    errno = error;
}

// V8 ends the process when memory is refused, and how it ends does not say why: count refusals.
CLOISTER_API void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    long mapped = syscall(SYS_mmap, address, length, protection, flags, fd, offset);
    if (mapped == -1) note_refusal();
    return (void *)mapped;
}

// It commits what it has reserved with this.
CLOISTER_API int mprotect(void *address, size_t length, int protection) {
    int failed = (int)syscall(SYS_mprotect, address, length, protection);
    if (failed) note_refusal();
    return failed;
}

CLOISTER_API void *mmap64(void *, size_t, int, int, int, off_t) __attribute__((alias("mmap")));

// libuv starts its threads anew in a forked process by a handler that fork() runs. A cell is made
// with clone3(), which runs none: kept here, and run by hand.
enum { MAX_HANDLERS = 32 };
static void (*child_handlers[MAX_HANDLERS])(void);
static int handler_count;

CLOISTER_API int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *object) {
    static int (*next)(void (*)(void), void (*)(void), void (*)(void), void *);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "__register_atfork");
    if (child && handler_count < MAX_HANDLERS) child_handlers[handler_count++] = child;
    return next ? next(prepare, parent, child, object) : ENOMEM;
}

static napi_value fail(napi_env env, const char *what) {
    napi_throw_error(env, NULL, what);
    return NULL;
}

// libuv's pool: it has four threads unless UV_THREADPOOL_SIZE says otherwise.
int cell_runtime_threads(void) { return uv_loop_fork ? 4 : 0; }

// What the runtime has of the process that it was forked from.
static void renew(struct uv_loop_s *loop) {
    for (int i = 0; i < handler_count; i++) child_handlers[i]();
    // OpenSSL tells a fork by a changed process id, but template and cell are both number 1 in
    // their namespaces: without this every cell would draw the same random bytes.
    if (RAND_poll) RAND_poll();
    if (uv_loop_fork(loop) != 0) _exit(CW_EXIT_SETUP);
}

static napi_value serve(napi_env env, napi_callback_info info) {
    napi_value argument[1];
    size_t count = 1, length = 0;
    char detail[200];
    struct uv_loop_s *loop;
    if (napi_get_cb_info(env, info, &count, argument, NULL, NULL) || count != 1 ||
        napi_get_value_string_utf8(env, argument[0], detail, sizeof detail, &length) ||
        napi_get_uv_event_loop(env, &loop))
        return fail(env, "serve(detail) takes a string");
    int hurries = cloister_serve(detail);
    renew(loop);
    napi_value result;
    return napi_get_boolean(env, hurries, &result) ? NULL : result;
}

// A call as an object with the texts meta and event, and what this cell is to do besides serving it.
static napi_value as_object(napi_env env, const struct cloister_call *call) {
    napi_value result, meta, event, keeps, snapshot;
    if (napi_create_object(env, &result) ||
        napi_create_string_utf8(env, call->meta, call->meta_bytes, &meta) ||
        napi_create_string_utf8(env, call->event, call->event_bytes, &event) ||
        napi_get_boolean(env, call->keeps, &keeps) ||
        napi_get_boolean(env, cloister_is_snapshot(), &snapshot) ||
        napi_set_named_property(env, result, "meta", meta) ||
        napi_set_named_property(env, result, "event", event) ||
        napi_set_named_property(env, result, "keeps", keeps) ||
        napi_set_named_property(env, result, "snapshot", snapshot))
        return fail(env, "the call does not fit in a string");
    return result;
}

static napi_value park(napi_env env, napi_callback_info info) {
    (void)info;
    struct cloister_call call;
    struct uv_loop_s *loop;
    if (napi_get_uv_event_loop(env, &loop)) return fail(env, "there is no loop");
    cloister_park(&call);
    if (cloister_is_snapshot()) {
        renew(loop);
        // The loop has new ones.
        cell_note_descriptors(CELL_OWN_FDS);
    }
    return as_object(env, &call);
}

static napi_value branch(napi_env env, napi_callback_info info) {
    (void)info;
    struct uv_loop_s *loop;
    if (napi_get_uv_event_loop(env, &loop)) return fail(env, "there is no loop");
    cloister_find_generators();
    cloister_branch();
    cloister_renew_generators();
    renew(loop);
    return NULL;
}

// Node notices that nothing is left to run only after waiting for its worker threads, which a
// forked process has lost. So the loop is kept alive by a watcher of our own, which looks before
// every wait whether anything else is.
static struct {
    struct uv_loop_s *loop;
    napi_env env;
    napi_ref callback;
    // A uv_prepare_t, whose size is below this in every version.
    _Alignas(16) char watcher[512];
} idle;

static void on_prepare(void *watcher) {
    uv_unref(watcher);
    int alive = uv_loop_alive(idle.loop);
    uv_ref(watcher);
    if (alive) return;
    napi_handle_scope scope;
    napi_value global, callback, result;
    if (napi_open_handle_scope(idle.env, &scope)) return;
    if (!napi_get_global(idle.env, &global) && !napi_get_reference_value(idle.env, idle.callback, &callback))
        napi_make_callback(idle.env, NULL, global, callback, 0, NULL, &result);
    napi_close_handle_scope(idle.env, scope);
}

static napi_value when_idle(napi_env env, napi_callback_info info) {
    napi_value argument[1];
    size_t count = 1;
    idle.env = env;
    if (napi_get_cb_info(env, info, &count, argument, NULL, NULL) || count != 1 ||
        napi_create_reference(env, argument[0], 1, &idle.callback) ||
        napi_get_uv_event_loop(env, &idle.loop) || uv_prepare_init(idle.loop, idle.watcher) ||
        uv_prepare_start(idle.watcher, on_prepare))
        return fail(env, "whenIdle(callback) takes a function");
    return NULL;
}

static napi_value loaded(napi_env env, napi_callback_info info) {
    (void)env, (void)info;
    cloister_loaded();
    return NULL;
}

static napi_value leave(napi_env env, napi_callback_info info) {
    napi_value argument[1];
    size_t count = 1;
    int32_t code = 1;
    if (napi_get_cb_info(env, info, &count, argument, NULL, NULL) == 0 && count == 1)
        napi_get_value_int32(env, argument[0], &code);
    _exit(code & 0xff);
}

// The arguments of the functions that send: a number and a buffer. Returns 0 when they are not.
static int arguments(napi_env env, napi_callback_info info, int32_t *kind, void **bytes, size_t *length) {
    napi_value argument[2];
    size_t count = 2;
    if (!napi_get_cb_info(env, info, &count, argument, NULL, NULL) && count == 2 &&
        !napi_get_value_int32(env, argument[0], kind) &&
        !napi_get_buffer_info(env, argument[1], bytes, length))
        return 1;
    fail(env, "takes a number and a buffer");
    return 0;
}

static napi_value log_output(napi_env env, napi_callback_info info) {
    int32_t stream;
    void *bytes;
    size_t length;
    if (arguments(env, info, &stream, &bytes, &length)) cloister_log(stream, bytes, length);
    return NULL;
}

static napi_value answer(napi_env env, napi_callback_info info) {
    int32_t kind;
    void *bytes;
    size_t length;
    if (arguments(env, info, &kind, &bytes, &length)) cloister_answer(kind, bytes, length);
    return NULL;
}

static napi_value answer_and_wait(napi_env env, napi_callback_info info) {
    int32_t kind;
    void *bytes;
    size_t length;
    struct cloister_call next;
    if (!arguments(env, info, &kind, &bytes, &length)) return NULL;
    cloister_answer_and_wait(kind, bytes, length, &next);
    next.keeps = 1;
    return as_object(env, &next);
}

CLOISTER_API napi_value napi_register_module_v1(napi_env env, napi_value exports) {
    static const struct {
        const char *name;
        napi_callback call;
    } table[] = {{"serve", serve}, {"park", park}, {"branch", branch}, {"loaded", loaded}, {"log", log_output}, {"answer", answer}, {"answerAndWait", answer_and_wait}, {"exit", leave}, {"whenIdle", when_idle}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        napi_value function;
        if (napi_create_function(env, table[i].name, strlen(table[i].name), table[i].call, NULL, &function) ||
            napi_set_named_property(env, exports, table[i].name, function))
            return fail(env, "cannot define the addon's functions");
    }
    return exports;
}
