/* An HTTP answer to who is sent away before libwebsockets has made a request of what it said. */
#ifndef NET_REFUSAL_H
#define NET_REFUSAL_H

/* One write that fits any socket's buffer: status as in "503 Service Unavailable", and an error
 * object with that code. What the client has said already is read, or closing the socket, which is
 * the caller's next step, would be a reset that takes the answer along. Any thread. */
void refusal_send(int fd, const char *status, const char *code);

#endif
