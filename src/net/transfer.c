#include "transfer.h"

#include "session.h"

void transfer_work(struct session *s, enum file_job job)
{
    /* A disk that takes longer is as good as none. */
    session_expect(s, HTTP_REQUEST_MS);
    lws_set_timeout(s->wsi, NO_PENDING_TIMEOUT, 0);
    lws_rx_flow_control(s->wsi, 0);
    filer_push(s->thread->net->filer, s->transfer, job);
}

void transfer_worked(struct net *n, struct transfer *t)
{
    struct session *s = t->session;
    t->working = false;
    if (!s)
        filer_push(n->filer, t, JOB_END);
    else if (t->upload)
        upload_step(s, t);
    else
        transfer_ready(s);
}

void transfer_ready(struct session *s)
{
    lws_rx_flow_control(s->wsi, 1); /* first: libwebsockets ignores POLLOUT without it */
    lws_callback_on_writable(s->wsi);
}

void transfer_gone(struct session *s)
{
    struct transfer *t = s->transfer;
    if (!t)
        return;
    s->transfer = NULL;
    t->session = NULL;
    if (!t->working)
        filer_push(s->thread->net->filer, t, JOB_END);
}

void transfer_done(struct session *s)
{
    transfer_gone(s);
    session_expect(s, HTTP_REQUEST_MS);
}

int transfer_writeable(struct session *s)
{
    struct transfer *t = s->transfer;
    if (t->working)
        return 0;
    return t->upload ? upload_answer(s, t) : download_write(s, t);
}

int transfer_refuse(struct session *s, enum file_result result)
{
    static const struct {
        enum http_error error;
        const char *message;
    } errors[] = {
        [FILE_LIES] = { HTTP_WRONG_TYPE, "The content is not what Content-Type says." },
        [FILE_BAD_PICTURE] = { HTTP_BAD_PICTURE, "This picture is broken." },
        [FILE_MANY_PIXELS] = { HTTP_MANY_PIXELS, "A picture has at most 50 megapixels." },
        [FILE_QUOTA] = { HTTP_QUOTA, "Your files take all the space that you may use." },
        [FILE_BUSY] = { HTTP_BUSY, "Four files of yours are on their way: try again later." },
        [FILE_FULL] = { HTTP_FILES_FULL, "There is no space for more files." },
        [FILE_DISK_FULL] = { HTTP_FILES_FULL, "The server's disk is full." },
        [FILE_UNAVAILABLE] = { HTTP_FILES_UNAVAILABLE, "Files are out of order: try again later." },
        [FILE_NONE] = { HTTP_NO_PATH, "There is no such file, or no more." },
        [FILE_NOT_YOURS] = { HTTP_NOT_YOURS, "This file is somebody else's." },
    };
    BUG_ON(result == FILE_OK);
    if (s->transfer && s->transfer->upload)
        stat_add(s->thread->net->stats, files_refused, 1);
    return http_fail(s, errors[result].error, errors[result].message);
}
