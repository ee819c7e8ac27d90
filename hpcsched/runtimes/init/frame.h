/* Frames: u32 length of what follows, u8 kind, then fields. Integers are little-endian, strings end in NUL. */
#ifndef FRAME_H
#define FRAME_H

#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_VERSION 3u /* 1: without BOUND, WHOLE_LINES and STAGE_BINDING; 2: without works */
#define MAX_FRAME (16u << 20)

enum kind {
	SPAWN = 1,         /* u32 step, u8 flags, u64 cap, u32 argc, u32 envc, [binding], workdir, argv.., env.., script until the end */
	SIGNAL_STEP = 2,   /* u32 step, u32 signal */
	STATUS = 3,        /* u32 step */
	WORK = 4,          /* u64 job, u32 restarts, u8 flags, u64 cap, u32 argc, u32 envc, u32 slots, workdir, argv.., env.., of each
			    * slot its binding, u32 envc and env.., script until the end; the file for the output travels with it */
	WANT = 5,          /* u64 job, u8 cancel, u32 limit in s, u32 grace in ms, u32 count, of each range u32 first, u32 end, u32 task
			    * id of the first, u32 from one id to the next */
	LOOK = 6,          /* u64 job */
	DROP = 7,          /* u64 job */
	HELLO = 16,        /* u32 version, u32 our pid */
	SPAWNED = 17,      /* u32 step, u32 pid; an attached step's descriptors travel with it */
	SPAWN_FAILED = 18, /* u32 step, u32 errno, u8 stage */
	EXITED = 19,       /* u32 step, u32 wait status, u64 max rss in bytes, u64 user us, u64 system us */
	UNKNOWN = 20,      /* u32 step: never spawned here */
	SHOWN = 21,        /* u32 step, u32 policy, binding: what the kernel shows; before SPAWNED or SPAWN_FAILED of a BOUND step */
	NEWS = 22,         /* u64 job: something of it has started or ended since the last LOOK */
	WORKED = 23,       /* u64 job, u32 started, u32 running, u64 first start and u64 last end in us since 1970 (0: none), u64 us of CPU
			    * and u64 max rss in bytes of all that have ended, u32 count, of each range that ended with 0 u32 first and
			    * u32 end, u32 count, of each other task u32 position, u32 wait status, u32 errno, u8 stage, u8 cause */
};

/* Of a work only SCRIPT and the last three: PACKED output is in records (output.h), NUMBERED tasks get HPCSCHED_ARRAY_TASK_ID.
 * With BOUND the binding is there: u32 size and so many bytes with a bit for each PU, the same for memory nodes. */
enum flags { ATTACHED = 1, TTY = 2, SCRIPT = 4, BOUND = 8, WHOLE_LINES = 16, PACKED = 32, NUMBERED = 64 };
/* STAGE_BINDING with errno 0: the kernel shows another binding than it was given. */
enum stage { STAGE_SETUP = 1, STAGE_WORKDIR = 2, STAGE_EXEC = 3, STAGE_BINDING = 4 };
enum cause { BY_ITSELF = 0, BY_LIMIT = 1, BY_CANCEL = 2 };

struct reader {
	const char *at, *end;
	int bad;
};

uint8_t get_u8(struct reader *r);
uint32_t get_u32(struct reader *r);
uint64_t get_u64(struct reader *r);
char *get_string(struct reader *r);
char **get_strings(struct reader *r, uint32_t count);
void get_bits(struct reader *r, uint8_t *bits, uint32_t size);

struct writer {
	uint32_t length;
	char bytes[1280];
};

void begin(struct writer *w, enum kind kind);
void put_u8(struct writer *w, uint8_t value);
void put_u32(struct writer *w, uint32_t value);
void put_u64(struct writer *w, uint64_t value);
void put_bits(struct writer *w, const uint8_t *bits, uint32_t size);
void finish(struct writer *w);

#endif
