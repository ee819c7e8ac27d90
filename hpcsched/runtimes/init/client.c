#define _GNU_SOURCE
#include "client.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CLIENTS 256
#define MAX_UNSENT (1u << 20)
#define MAX_FDS 3

struct unsent {
	struct unsent *next;
	uint32_t length, sent;
	int count;
	int fds[MAX_FDS];
	char bytes[];
};

struct client {
	struct source source;
	struct client *next;
	uint64_t serial;
	int fd, descriptor, dead;
	char *body;
	uint32_t length, filled; /* of the frame that is coming in; the four bytes of its length count as filled */
	unsigned char head[4];
	struct unsent *first, **last;
	uint32_t unsent_bytes;
};

static struct {
	struct source source;
	int fd;
} door;
static struct client *clients;
static int client_count;
static uint64_t last_serial;

uint64_t client_serial(const struct client *client) { return client->serial; }

int take_descriptor(struct client *client)
{
	int fd = client->descriptor;

	client->descriptor = -1;
	return fd;
}

static void drop_unsent(struct client *client)
{
	struct unsent *item = client->first;

	client->first = item->next;
	if (!client->first)
		client->last = &client->first;
	client->unsent_bytes -= item->length;
	for (int i = 0; i < item->count; i++)
		close(item->fds[i]);
	free(item);
}

static void hang_up(struct client *client)
{
	struct client **link = &clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	client_count--;
	while (client->first)
		drop_unsent(client);
	if (client->descriptor >= 0)
		close(client->descriptor);
	loop_forget(client->fd);
	close(client->fd);
	free(client->body);
	free(client);
}

static ssize_t send_item(int fd, struct unsent *item)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control = {0};
	struct iovec part = {item->bytes + item->sent, item->length - item->sent};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (item->count && !item->sent) {
		size_t size = (size_t)item->count * sizeof(int);

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(size);
		*CMSG_FIRSTHDR(&message) = (struct cmsghdr){CMSG_LEN(size), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), item->fds, size);
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A dead client is only marked: its own source frees it, so that callers may go on walking the list. */
static void flush(struct client *client)
{
	while (client->first) {
		ssize_t sent = send_item(client->fd, client->first);

		if (sent < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (sent < 0) {
			client->dead = 1;
			shutdown(client->fd, SHUT_RDWR);
			return;
		}
		client->first->sent += (uint32_t)sent;
		if (client->first->sent == client->first->length)
			drop_unsent(client);
	}
	loop_want(client->fd, &client->source, client->first != NULL);
}

static void queue(struct client *client, const char *bytes, uint32_t length, const int *fds, int count)
{
	struct unsent *item = client->dead ? NULL : calloc(1, sizeof *item + length);

	if (!item || client->unsent_bytes > MAX_UNSENT) {
		for (int i = 0; i < count; i++)
			close(fds[i]);
		free(item);
		client->dead = 1;
		shutdown(client->fd, SHUT_RDWR);
		return;
	}
	item->length = length;
	item->count = count;
	memcpy(item->bytes, bytes, length);
	for (int i = 0; i < count; i++)
		item->fds[i] = fds[i];
	*client->last = item;
	client->last = &item->next;
	client->unsent_bytes += item->length;
	flush(client);
}

void send_bytes(struct client *client, const char *bytes, uint32_t length) { queue(client, bytes, length, NULL, 0); }

void send_to(struct client *client, const struct writer *frame) { send_bytes(client, frame->bytes, frame->length); }

/* Takes the descriptors over, whether the client is still there or not. */
void send_to_serial(uint64_t serial, const struct writer *frame, const int *fds, int count)
{
	for (struct client *client = clients; client; client = client->next)
		if (client->serial == serial) {
			queue(client, frame->bytes, frame->length, fds, count);
			return;
		}
	for (int i = 0; i < count; i++)
		close(fds[i]);
}

void send_to_all(const struct writer *frame)
{
	for (struct client *client = clients; client; client = client->next)
		send_to(client, frame);
}

static void keep_descriptor(struct client *client, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
			if (client->descriptor >= 0)
				close(client->descriptor);
			memcpy(&client->descriptor, CMSG_DATA(c) + at, sizeof(int));
		}
	}
}

static ssize_t receive(struct client *client, void *into, size_t size)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	struct iovec part = {into, size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control};
	ssize_t got = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (got > 0)
		keep_descriptor(client, &message);
	return got;
}

/* Reads to the end of the length or of the body, never over it. Returns 0 to close. */
static int read_some(struct client *client)
{
	int in_head = client->filled < 4;
	char *into = in_head ? (char *)client->head + client->filled : client->body + client->filled - 4;
	ssize_t got = receive(client, into, (in_head ? 4 : client->length + 4) - client->filled);

	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR) ? -1 : 0;
	client->filled += (uint32_t)got;
	if (!in_head || client->filled < 4)
		return 1;
	client->length = (uint32_t)client->head[0] | (uint32_t)client->head[1] << 8 | (uint32_t)client->head[2] << 16 |
			 (uint32_t)client->head[3] << 24;
	if (client->length < 1 || client->length > MAX_FRAME)
		return 0;
	client->body = malloc(client->length);
	return client->body != NULL;
}

static void client_ready(struct source *source)
{
	struct client *client = (struct client *)source;
	int more = client->dead ? 0 : read_some(client);

	if (more == 1 && client->body && client->filled == client->length + 4) {
		more = handle_frame(client, client->body, client->length);
		free(client->body);
		client->body = NULL;
		client->filled = 0;
	}
	if (!more || client->dead)
		hang_up(client);
	else
		flush(client);
}

static void greet(struct client *client)
{
	struct writer hello;

	begin(&hello, HELLO);
	put_u32(&hello, PROTOCOL_VERSION);
	put_u32(&hello, (uint32_t)getpid());
	finish(&hello);
	send_to(client, &hello);
}

static void door_ready(struct source *source)
{
	int fd = accept4(door.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client = fd >= 0 && client_count < MAX_CLIENTS ? calloc(1, sizeof *client) : NULL;

	(void)source;
	if (!client || loop_add(fd, &client->source) < 0) {
		if (fd >= 0)
			close(fd);
		free(client);
		return;
	}
	client->source.ready = client_ready;
	client->fd = fd;
	client->descriptor = -1;
	client->serial = ++last_serial;
	client->last = &client->first;
	client->next = clients;
	clients = client;
	client_count++;
	greet(client);
}

void clients_listen(int listener)
{
	door.fd = listener;
	door.source.ready = door_ready;
	if (fcntl(listener, F_SETFL, O_NONBLOCK) < 0 || fcntl(listener, F_SETFD, FD_CLOEXEC) < 0 || loop_add(listener, &door.source) < 0)
		refuse("listening socket");
}
