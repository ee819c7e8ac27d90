#include "frame.h"

#include <stdlib.h>
#include <string.h>

static const char *take(struct reader *r, size_t size)
{
	const char *at = r->at;

	if (r->bad || (size_t)(r->end - r->at) < size) {
		r->bad = 1;
		return NULL;
	}
	r->at += size;
	return at;
}

static uint64_t get_integer(struct reader *r, size_t size)
{
	const unsigned char *at = (const unsigned char *)take(r, size);
	uint64_t value = 0;

	for (size_t i = 0; at && i < size; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

uint8_t get_u8(struct reader *r) { return (uint8_t)get_integer(r, 1); }
uint32_t get_u32(struct reader *r) { return (uint32_t)get_integer(r, 4); }
uint64_t get_u64(struct reader *r) { return get_integer(r, 8); }

/* Points into the frame. */
char *get_string(struct reader *r)
{
	const char *nul = r->bad ? NULL : memchr(r->at, 0, (size_t)(r->end - r->at));

	if (!nul) {
		r->bad = 1;
		return NULL;
	}
	return (char *)take(r, (size_t)(nul - r->at) + 1);
}

/* A NULL-terminated vector of pointers into the frame; the caller frees the vector. */
char **get_strings(struct reader *r, uint32_t count)
{
	char **strings;

	if (r->bad || count > (size_t)(r->end - r->at)) { /* each takes one byte at least */
		r->bad = 1;
		return NULL;
	}
	strings = calloc((size_t)count + 1, sizeof *strings);
	if (!strings)
		r->bad = 1;
	for (uint32_t i = 0; strings && i < count; i++)
		strings[i] = get_string(r);
	return strings;
}

/* Into `size` bytes, of which the sender gives as many as it needs. */
void get_bits(struct reader *r, uint8_t *bits, uint32_t size)
{
	uint32_t given = get_u32(r);
	const char *at;

	r->bad |= given > size;
	at = take(r, r->bad ? 0 : given);
	memset(bits, 0, size);
	if (at)
		memcpy(bits, at, given);
}

static void put(struct writer *w, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		w->bytes[w->length++] = (char)(value >> (8 * i));
}

void begin(struct writer *w, enum kind kind)
{
	w->length = 4;
	put(w, kind, 1);
}

void put_u8(struct writer *w, uint8_t value) { put(w, value, 1); }
void put_u32(struct writer *w, uint32_t value) { put(w, value, 4); }
void put_u64(struct writer *w, uint64_t value) { put(w, value, 8); }

void put_bits(struct writer *w, const uint8_t *bits, uint32_t size)
{
	while (size > 0 && !bits[size - 1])
		size--;
	put_u32(w, size);
	memcpy(w->bytes + w->length, bits, size);
	w->length += size;
}

void finish(struct writer *w)
{
	uint32_t total = w->length;

	w->length = 0;
	put(w, total - 4, 4);
	w->length = total;
}
