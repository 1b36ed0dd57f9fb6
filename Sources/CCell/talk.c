// A cell's half of the conversation on its call socket.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "cell.h"

// User code may print from several threads: a frame must not be torn.
static pthread_mutex_t sending = PTHREAD_MUTEX_INITIALIZER;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int send_all(const void *head, size_t head_bytes, const char *bytes, size_t length) {
    struct iovec parts[2] = {{(void *)head, head_bytes}, {(void *)bytes, length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    while (parts[0].iov_len + parts[1].iov_len > 0) {
        ssize_t sent = sendmsg(CW_FD_CONTROL, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return -1;
        for (int i = 0; i < 2; i++) {
            size_t taken = (size_t)sent < parts[i].iov_len ? (size_t)sent : parts[i].iov_len;
            parts[i].iov_base = (char *)parts[i].iov_base + taken;
            parts[i].iov_len -= taken;
            sent -= (ssize_t)taken;
        }
    }
    return 0;
}

static int send_frame(int type, int stream, const char *bytes, size_t length) {
    if (length > UINT32_MAX) length = UINT32_MAX;
    struct cw_frame head = {
        .type = (uint8_t)type, .stream = (uint8_t)stream, .length = (uint32_t)length};
    pthread_mutex_lock(&sending);
    int failed = send_all(&head, sizeof head, bytes, length);
    pthread_mutex_unlock(&sending);
    return failed;
}

static void receive(void *into, size_t size) {
    char *at = into;
    while (size > 0) {
        ssize_t got = recv(CW_FD_CONTROL, at, size, MSG_WAITALL);
        if (got < 0 && errno == EINTR) continue;
        // Nobody wants this cell any more.
        if (got <= 0) _exit(0);
        at += got;
        size -= (size_t)got;
    }
}

void cloister_park(struct cloister_call *out) {
    struct cw_call call;
    if (send_frame(CW_FRAME_PARKED, 0, NULL, 0) < 0) _exit(0);
    receive(&call, sizeof call);
    if (call.magic != CW_CALL_MAGIC) cell_fail(CW_STAGE_PROTOCOL, EPROTO);
    char *body = malloc(call.meta_bytes + call.event_bytes + 1);
    if (!body) cell_fail(CW_STAGE_PROTOCOL, ENOMEM);
    receive(body, call.meta_bytes + call.event_bytes);
    cell_confine(&call);
    out->meta = body;
    out->meta_bytes = call.meta_bytes;
    out->event = body + call.meta_bytes;
    out->event_bytes = call.event_bytes;
    cell_status->confined_ns = now_ns();
}

void cloister_loaded(void) { cell_status->loaded_ns = now_ns(); }

void cloister_log(int stream, const char *bytes, size_t length) {
    send_frame(CW_FRAME_LOG, stream, bytes, length);
}

_Noreturn void cloister_answer(int type, const char *bytes, size_t length) {
    send_frame(type, 0, bytes, length);
    // The supervisor takes an answer only together with the end of the stream, and the end of the
    // process can wait for the kernel to take down its memory.
    shutdown(CW_FD_CONTROL, SHUT_WR);
    _exit(0);
}
