/* GET and HEAD /files/ID/NAME: pieces of 64 KiB, the next one when the socket has taken the last.
 * Whoever knows the id may read; a browser shows what is behind it as a picture, or saves it, but
 * runs nothing of it. */
#include "route.h"
#include "session.h"
#include "transfer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int http_file(struct session *s, const struct request *r)
{
    const char *id = r->arguments->at[0];
    const struct net *n = s->thread->net;
    if (n->settings->file_max_kb == 0 || !file_id_is_good(id, strlen(id)))
        return http_fail(s, HTTP_NO_PATH, "There is no such file, or no more.");
    struct transfer *t = filer_admit(n->filer, s, false);
    if (!t)
        return http_refuse(s, HTTP_BUSY, "Too many files at once: try again later.");
    text_copy(t->about.id, sizeof t->about.id, id);
    t->head_only = http_has(s, WSI_TOKEN_HEAD_URI);
    if (!http_header(s, WSI_TOKEN_HTTP_RANGE, t->range, sizeof t->range))
        t->range[0] = '\0';
    s->transfer = t;
    transfer_work(s, JOB_OPEN);
    return 0;
}

static bool read_number(const char **at, uint64_t *out)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    *out = strtoull(*at, &end, 10);
    *at = end;
    return true;
}

/* RFC 9110 section 14: one range of bytes; other ranges are none. False: it cannot be satisfied. */
static bool take_range(struct transfer *t)
{
    static const char unit[] = "bytes=";
    const char *at = t->range + sizeof unit - 1;
    const uint64_t size = t->about.size;
    uint64_t first = 0, last = size - 1;
    t->at = 0;
    t->end = size;
    if (strncmp(t->range, unit, sizeof unit - 1) != 0)
        return true;
    const bool from = read_number(&at, &first);
    if (*at++ != '-')
        return true;
    const bool to = read_number(&at, &last);
    if ((!from && !to) || *at || (from && to && last < first))
        return true;
    if (!from) { /* so many at the end */
        first = last < size ? size - last : 0;
        if (last == 0)
            return false;
        last = size - 1;
    }
    if (first >= size)
        return false;
    t->ranged = true;
    t->at = first;
    t->end = (to && from && last < size - 1 ? last : size - 1) + 1;
    return true;
}

static int write_head(struct session *s, struct transfer *t) REQUIRES(on_net)
{
    const struct file_about *f = &t->about;
    const int64_t age_ms = clock_wall_ms() - f->stored_ms;
    const int64_t left_s =
        s->thread->net->settings->files_days * 86400 - (age_ms > 0 ? age_ms / 1000 : 0);
    const bool is_text = strncmp(f->type, "text/", 5) == 0;
    struct str head = STR_INIT;
    str_addf(&head,
             "HTTP/1.1 %s\r\n" HTTP_SAFE_HEADERS "Content-Type: %s%s\r\nContent-Length: %" PRIu64
             "\r\n",
             t->ranged ? "206 Partial Content" : "200 OK", f->type,
             is_text ? "; charset=utf-8" : "", t->end - t->at);
    str_addz(&head, "Content-Disposition: attachment; filename*=UTF-8''");
    file_percent(&head, f->name);
    str_addf(&head,
             "\r\nContent-Security-Policy: sandbox; default-src 'none'\r\n"
             "Cross-Origin-Resource-Policy: same-origin\r\n"
             "Cache-Control: private, max-age=%" PRId64 ", immutable\r\n"
             "Accept-Ranges: bytes\r\n",
             left_s > 0 ? left_s : 0);
    if (t->ranged)
        str_addf(&head, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", t->at,
                 t->end - 1, f->size);
    str_addz(&head, "\r\n");
    const int n = lws_write(s->wsi, (unsigned char *)head.data, head.size,
                            t->head_only ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP_HEADERS);
    str_fini(&head);
    t->headed = true;
    return n < 0 ? -1 : 0;
}

static int finish(struct session *s) REQUIRES(on_net)
{
    transfer_done(s);
    return lws_http_transaction_completed(s->wsi) ? -1 : 0;
}

static int begin(struct session *s, struct transfer *t) REQUIRES(on_net)
{
    int result;
    if (t->result != FILE_OK) {
        result = transfer_refuse(s, t->result);
    } else if (!take_range(t)) {
        result = http_fail(s, HTTP_BAD_RANGE, "This range is behind the end of the file.");
    } else {
        stat_add(s->thread->net->stats, files_served, 1);
        if (write_head(s, t) != 0)
            return -1;
        if (t->head_only)
            return finish(s);
        transfer_work(s, JOB_READ);
        return 0;
    }
    transfer_done(s);
    return result;
}

int download_write(struct session *s, struct transfer *t)
{
    if (!t->headed)
        return begin(s, t);
    if (t->result != FILE_OK) /* in the middle: all that can be said is that it ends */
        return -1;
    const bool last = t->at == t->end;
    if (lws_write(s->wsi, (unsigned char *)t->piece, t->piece_size,
                  last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
        return -1;
    if (last)
        return finish(s);
    transfer_work(s, JOB_READ);
    return 0;
}
