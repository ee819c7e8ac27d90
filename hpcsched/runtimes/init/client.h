/* Connections: each may come and go at any time without disturbing a step. */
#ifndef CLIENT_H
#define CLIENT_H

#include "frame.h"

struct client;

void clients_listen(int listener);
int take_descriptor(struct client *client);
void send_to(struct client *client, const struct writer *frame);
void send_bytes(struct client *client, const char *bytes, uint32_t length);
void send_to_serial(uint64_t serial, const struct writer *frame, const int *fds, int count);
void send_to_all(const struct writer *frame);
uint64_t client_serial(const struct client *client);

/* In step.c: returns 0 when the frame is malformed, which closes the connection that sent it. */
int handle_frame(struct client *client, char *body, uint32_t length);

#endif
