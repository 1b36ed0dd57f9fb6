// A cell's half of the conversation on its call socket.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "cell.h"

// User code may print from several threads: a frame must not be torn.
static pthread_mutex_t sending = PTHREAD_MUTEX_INITIALIZER;

// Of the call that was taken last: an answer that is late is not taken for the next call's.
static uint16_t call_number;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int send_all(struct iovec *parts, int count) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    while (message.msg_iovlen > 0) {
        ssize_t sent = sendmsg(CW_FD_CONTROL, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return -1;
        while (message.msg_iovlen > 0) {
            struct iovec *first = message.msg_iov;
            size_t taken = (size_t)sent < first->iov_len ? (size_t)sent : first->iov_len;
            first->iov_base = (char *)first->iov_base + taken;
            first->iov_len -= taken;
            sent -= (ssize_t)taken;
            if (first->iov_len > 0) break;
            message.msg_iov++;
            message.msg_iovlen--;
        }
    }
    return 0;
}

// Printing a line can take many writes. Its parts are kept where the supervisor finds them when this process is ended,
// and go with what follows them. Forks of a snapshot have no such place.
static int can_hold(int stream, size_t before, const char *bytes, size_t length) {
    return cell_status && !cell_is_branch && stream <= 2 && before + length <= CW_HELD_TEXT &&
           !memchr(bytes, '\n', length);
}

// The text that is held, if it is of this stream or of any for 0.
static size_t held(int stream) {
    if (!cell_status || cell_is_branch || (stream && cell_status->held_stream != stream)) return 0;
    // The function may write here.
    return cell_status->held_bytes <= CW_HELD_TEXT ? cell_status->held_bytes : 0;
}

static int send_held(void) {
    size_t length = held(0);
    if (length == 0) return 0;
    struct cw_frame head = {
        .type = CW_FRAME_LOG, .stream = (uint8_t)cell_status->held_stream, .length = (uint32_t)length};
    struct iovec parts[2] = {{&head, sizeof head}, {cell_status->held_text, length}};
    int failed = send_all(parts, 2);
    cell_status->held_bytes = 0;
    return failed;
}

// Sends a frame, and the one that says that this cell waits for a call.
static int send_frames(int type, int stream, const char *bytes, size_t length, int parks) {
    if (length > UINT32_MAX) length = UINT32_MAX;
    struct cw_frame head = {
        .type = (uint8_t)type,
        .stream = (uint8_t)stream,
        .number = type == CW_FRAME_RESULT || type == CW_FRAME_ERROR ? call_number : 0,
        .length = (uint32_t)length};
    struct cw_frame parked = {.type = CW_FRAME_PARKED};
    struct iovec parts[3] = {
        {&head, sizeof head}, {(void *)bytes, length}, {&parked, parks ? sizeof parked : 0}};
    pthread_mutex_lock(&sending);
    int failed = send_held() < 0 || send_all(parts, 3) < 0 ? -1 : 0;
    pthread_mutex_unlock(&sending);
    return failed;
}

void cell_send_held(void) {
    pthread_mutex_lock(&sending);
    send_held();
    pthread_mutex_unlock(&sending);
}

static int send_frame(int type, int stream, const char *bytes, size_t length) {
    return send_frames(type, stream, bytes, length, 0);
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

// Takes a call's texts. They take the place of the last one's.
static void receive_texts(const struct cw_call *call, struct cloister_call *out) {
    static char *body;
    free(body);
    body = malloc(call->meta_bytes + call->event_bytes + 1);
    if (!body) cell_fail(CW_STAGE_PROTOCOL, ENOMEM);
    receive(body, call->meta_bytes + call->event_bytes);
    call_number = (uint16_t)call->number;
    out->meta = body;
    out->meta_bytes = call->meta_bytes;
    out->event = body + call->meta_bytes;
    out->event_bytes = call->event_bytes;
}

// The first order, which descriptors may come with.
static int receive_order(struct cw_call *call, int fds[2]) {
    int count;
    ssize_t got;
    do
        got = cell_receive(CW_FD_CONTROL, call, sizeof *call, fds, 2, &count);
    while (got < 0 && errno == EINTR);
    if (got <= 0) _exit(0);
    receive((char *)call + got, sizeof *call - (size_t)got);
    return count;
}

void cloister_park(struct cloister_call *out) {
    // Forks of a snapshot have parked before, and code that calls this once more is confined.
    static int has_parked;
    struct cw_call call;
    int fds[2];
    if (!has_parked) cell_start_soon();
    has_parked = 1;
    if (send_frame(CW_FRAME_PARKED, 0, NULL, 0) < 0) _exit(0);
    int count = receive_order(&call, fds);
    if (call.magic != (count == 2 ? CW_KEEP_MAGIC : CW_CALL_MAGIC)) cell_fail(CW_STAGE_PROTOCOL, EPROTO);
    receive_texts(&call, out);
    if (count == 2)
        cell_keep(&call, fds[0], fds[1]);
    else if (!cell_is_branch)
        cell_confine(&call);
    out->keeps = call.keeps == 1;
    cell_status->confined_ns = now_ns();
    // Its code was loaded before it was forked.
    if (cell_is_branch) cloister_loaded();
}

void cloister_answer_and_wait(int type, const char *bytes, size_t length, struct cloister_call *next) {
    struct cw_call call;
    if (send_frames(type, 0, bytes, length, 1) < 0) _exit(0);
    receive(&call, sizeof call);
    if (call.magic != CW_CALL_MAGIC) cell_fail(CW_STAGE_PROTOCOL, EPROTO);
    receive_texts(&call, next);
    cell_status->denials = cell_status->out_of_memory = 0;
    cell_status->confined_ns = cell_status->loaded_ns = now_ns();
}

void cloister_loaded(void) {
    cell_status->loaded_ns = now_ns();
    cell_send_status();
}

void cloister_log(int stream, const char *bytes, size_t length) {
    pthread_mutex_lock(&sending);
    size_t before = held(stream);
    if (before == 0) send_held();
    if (can_hold(stream, before, bytes, length)) {
        memcpy(cell_status->held_text + before, bytes, length);
        cell_status->held_stream = (uint16_t)stream;
        cell_status->held_bytes = (uint16_t)(before + length);
    } else {
        if (length > UINT32_MAX - CW_HELD_TEXT) length = UINT32_MAX - CW_HELD_TEXT;
        struct cw_frame head = {
            .type = CW_FRAME_LOG, .stream = (uint8_t)stream, .length = (uint32_t)(before + length)};
        struct iovec parts[3] = {
            {&head, sizeof head}, {before ? cell_status->held_text : NULL, before}, {(void *)bytes, length}};
        send_all(parts, 3);
        if (before) cell_status->held_bytes = 0;
    }
    pthread_mutex_unlock(&sending);
}

_Noreturn void cloister_answer(int type, const char *bytes, size_t length) {
    send_frame(type, 0, bytes, length);
    // The supervisor takes an answer only together with the end of the stream, and the end of the
    // process can wait for the kernel to take down its memory.
    shutdown(CW_FD_CONTROL, SHUT_WR);
    _exit(0);
}
