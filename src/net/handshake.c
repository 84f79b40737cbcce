#include "handshake.h"

#include "http.h"
#include "upgrade.h"

#include <string.h>

void handshake_claim(char *upgrade)
{
    upgrade[0] = '-';
}

/* Sec-WebSocket-Accept, RFC 6455 section 4.2.2 number 5.4. */
static bool add_accept(struct session *s, struct str *out)
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char key[64], accept[32];
    unsigned char hash[20];
    if (!http_header(s, WSI_TOKEN_KEY, key, sizeof(key) - sizeof(magic)))
        return false;
    memcpy(key + strlen(key), magic, sizeof(magic));
    lws_SHA1((const unsigned char *)key, strlen(key), hash);
    lws_b64_encode_string((const char *)hash, sizeof(hash), accept, sizeof(accept));
    str_addf(out, "Sec-WebSocket-Accept: %s\r\n", accept);
    return true;
}

int handshake_answer(struct session *s)
{
    struct str head = STR_INIT;
    str_addz(&head, "HTTP/1.1 101 Switching Protocols\r\n"
                    "Upgrade: websocket\r\n"
                    "Connection: Upgrade\r\n"
                    "Sec-WebSocket-Protocol: confab.v1\r\n");
    bool good = add_accept(s, &head);
    str_addz(&head, "\r\n");
    good = good &&
           lws_write(s->wsi, (unsigned char *)head.data, head.size, LWS_WRITE_HTTP_HEADERS) > 0;
    str_fini(&head);
    /* Not all of it fitted into the socket, and what we send would overtake the rest. */
    if (!good || lws_partial_buffered(s->wsi))
        return -1;
    upgrade_done(s);
    lws_set_timeout(s->wsi, NO_PENDING_TIMEOUT, 0);
    return 0;
}
