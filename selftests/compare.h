/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the comparing tests share. A case is a function that does things to
 * sockets of the door that it is run at and writes down what came of it: a
 * transcript. It is run at UDP's door and at TTP's, and the transcripts must
 * be equal, line by line, but for what differences.txt lists; and what that
 * lists must occur.
 *
 *	static void bind_to_nowhere(void)
 *	{
 *		int fd = fresh();
 *
 *		put_ret(bind(fd, NULL, 16));
 *		line("bind to NULL");
 *		close(fd);
 *	}
 *
 *	FIXTURE_VARIANT_ADD(compare, bind_to_nowhere) {
 *		.run = bind_to_nowhere,
 *	};
 */
#ifndef _COMPARE_H
#define _COMPARE_H

#include "ttp_test.h"

#include <fnmatch.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/utsname.h>

/* Where a program comes in; @level is that of the transport's own options. */
struct door {
	const char *name;
	int family;
	int protocol;
	int level;
};

static const struct door doors[] = {
	{ "UDP", AF_INET, IPPROTO_UDP, IPPROTO_UDP },
	{ "AF_TTP", AF_TTP, IPPROTO_TTP, SOL_TTP },
	{ "AF_INET", AF_INET, IPPROTO_TTP, SOL_TTP },
};

#define DOORS	ARRAY_SIZE(doors)

/* The one that the case is run at */
static const struct door *door;

static inline int fresh(void)
{
	return socket(door->family, SOCK_DGRAM, door->protocol);
}

/* ---- the transcript ---- */

struct transcript {
	char *text;
	size_t len, size;	/* of the text */
	size_t *lines;		/* where one begins: what, NUL, verdict, NUL */
	size_t n, room;		/* of the lines */
};

static struct transcript *transcript;

static char verdict[16384];
static size_t verdict_len;

/* Adds to the verdict of the line that is being written. */
static inline __printf(1, 2) void
put(const char *format, ...)
{
	size_t room = sizeof(verdict) - verdict_len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(verdict + verdict_len, room, format, args);
	va_end(args);
	verdict_len += (size_t)n < room ? (size_t)n : room - 1;
}

/* What a call has set off, an ICMP error say, must be there before the next one,
 * however busy the machine is. For sockets that have a use for it, this waits.
 */
static void (*let_arrive)(void);

static inline void put_ret(long ret)
{
	const char *name = ret < 0 ? strerrorname_np(errno) : NULL;

	if (ret >= 0)
		put(" %ld", ret);
	else if (name)
		put(" %s", name);
	else
		put(" errno %d", errno);
	if (ret >= 0 && let_arrive)
		let_arrive();
}

/* Of many bytes a hash (FNV) */
static inline void put_bytes(const void *data, size_t len)
{
	const unsigned char *p = data;
	unsigned int hash = 0x811c9dc5;
	size_t i;

	put(" ");
	for (i = 0; i < len; i++) {
		if (len <= 40)
			put("%02x", p[i]);
		hash = (hash ^ p[i]) * 0x01000193;
	}
	if (len > 40)
		put("%zu bytes #%08x", len, hash);
	if (!len)
		put("-");
}

/* Ends a line: @format says what was done. */
static inline __printf(1, 2) void
line(const char *format, ...)
{
	struct transcript *t = transcript;
	char what[512];
	va_list args;
	size_t n;

	va_start(args, format);
	n = vsnprintf(what, sizeof(what), format, args) + 1;
	va_end(args);
	if (n > sizeof(what))
		n = sizeof(what);

	if (t->len + n + verdict_len + 1 > t->size) {
		t->size = 2 * (t->len + n + verdict_len + 1);
		t->text = realloc(t->text, t->size);
	}
	if (t->n == t->room) {
		t->room = 2 * t->room + 1024;
		t->lines = realloc(t->lines, t->room * sizeof(*t->lines));
	}
	t->lines[t->n++] = t->len;
	memcpy(t->text + t->len, what, n);
	t->len += n;
	/* Each word of a verdict has a space before it. */
	n = verdict_len && verdict[0] == ' ';
	memcpy(t->text + t->len, verdict + n, verdict_len - n + 1);
	t->len += verdict_len - n + 1;
	verdict_len = 0;
	verdict[0] = 0;
}

/* ---- intended differences ---- */

#define DIFFERENCES	128

struct difference {
	char *program, *where, *what, *udp, *ttp, *why;
	bool here;	/* of this program, and this kernel */
};

static struct difference differences[DIFFERENCES];
static size_t n_differences;

/* How often each occurred, at each door; shared with the tests' processes */
static unsigned int (*occurred)[DOORS];

static inline bool is_at(const struct difference *d, const char *door_name)
{
	return strstr(d->where, door_name);
}

static inline char *next_field(char **rest)
{
	char *field = strsep(rest, "|"), *end;

	if (!field)
		return "";
	field += strspn(field, " \t");
	for (end = field + strlen(field);
	     end > field && strchr(" \t\n", end[-1]); end--)
		;
	*end = 0;
	return field;
}

/* Behind the doors may be names of kernels, "AF_TTP 6.1,6.12": those alone */
static inline bool is_of_kernel(const char *where)
{
	const char *kernel = strchr(where, ' ');
	struct utsname uts;
	size_t n;

	if (!kernel)
		return true;
	uname(&uts);
	do {
		n = strcspn(++kernel, ",");
		if (!strncmp(uts.release, kernel, n) && uts.release[n] == '.')
			return true;
		kernel += n;
	} while (*kernel);
	return false;
}

static inline void parse_difference(char *text)
{
	struct difference *d = &differences[n_differences];

	d->program = next_field(&text);
	d->where = next_field(&text);
	d->what = next_field(&text);
	d->udp = next_field(&text);
	d->ttp = next_field(&text);
	d->why = next_field(&text);
	d->here = !strcmp(d->program, program_invocation_short_name) &&
		  is_of_kernel(d->where);
	n_differences++;
}

/* The list lies beside the program. In the parent, before any test */
static __attribute__((constructor)) void read_differences(void)
{
	char self[PATH_MAX] = "", path[PATH_MAX + 32], text[1024];
	FILE *f;

	occurred = mmap(NULL, DIFFERENCES * sizeof(*occurred),
			PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			0);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return;
	snprintf(path, sizeof(path), "%s/differences.txt", dirname(self));
	f = fopen(path, "r");
	while (f && fgets(text, sizeof(text), f))
		if (text[0] != '#' && text[0] != '\n' &&
		    n_differences < DIFFERENCES)
			parse_difference(strdup(text));
	if (f)
		fclose(f);
}

static inline bool is_intended(size_t at, const char *what, const char *udp,
			       const char *ttp)
{
	size_t i;

	for (i = 0; i < n_differences; i++) {
		const struct difference *d = &differences[i];

		if (d->here && is_at(d, doors[at].name) &&
		    !fnmatch(d->what, what, 0) && !fnmatch(d->udp, udp, 0) &&
		    !fnmatch(d->ttp, ttp, 0)) {
			__atomic_add_fetch(&occurred[i][at], 1,
					   __ATOMIC_RELAXED);
			return true;
		}
	}
	return false;
}

/* ---- comparing ---- */

/* More would bury what went wrong first. */
#define SHOWN	40
#define SHOWN_ALIKE	3

static const char *what_of(const struct transcript *t, size_t i)
{
	return t->text + t->lines[i];
}

static const char *verdict_of(const struct transcript *t, size_t i)
{
	return what_of(t, i) + strlen(what_of(t, i)) + 1;
}

/* Do two lines begin with the same word? */
static inline bool alike(const char *a, const char *b)
{
	size_t n = strcspn(a, " ,");

	return n == strcspn(b, " ,") && !strncmp(a, b, n);
}

/* Return: how many lines differ and are not meant to */
static inline size_t differing(const struct transcript *udp,
			       const struct transcript *ttp, size_t at)
{
	size_t i, bad = 0, shown = 0, same = 0;
	size_t n = udp->n < ttp->n ? udp->n : ttp->n;
	const char *last = "";

	for (i = 0; i < n; i++) {
		const char *what = what_of(udp, i);
		const char *u = verdict_of(udp, i), *t = verdict_of(ttp, i);

		if (strcmp(what, what_of(ttp, i))) {
			ksft_print_msg("line %zu: UDP: %s\n", i, what);
			ksft_print_msg("line %zu: %s: %s\n", i, doors[at].name,
				       what_of(ttp, i));
			return bad + 1;
		}
		if (!strcmp(u, t) || is_intended(at, what, u, t))
			continue;
		bad++;
		same = alike(what, last) ? same + 1 : 0;
		last = what;
		if (same >= SHOWN_ALIKE || shown >= SHOWN)
			continue;
		shown++;
		ksft_print_msg("%s\n", what);
		ksft_print_msg("    UDP:     %s\n", u);
		ksft_print_msg("    %-8s %s\n", doors[at].name, t);
	}
	if (udp->n != ttp->n) {
		ksft_print_msg("%zu lines with UDP, %zu at %s\n", udp->n,
			       ttp->n, doors[at].name);
		bad++;
	}
	if (bad > shown)
		ksft_print_msg("and %zu more at %s\n", bad - shown,
			       doors[at].name);
	return bad;
}

/* TTP_TRANSCRIPT=1 shows all that was written down. */
static inline void show(const struct transcript *t, const char *name)
{
	size_t i;

	if (!getenv("TTP_TRANSCRIPT"))
		return;
	for (i = 0; i < t->n; i++)
		ksft_print_msg("%s | %s | %s\n", name, what_of(t, i),
			       verdict_of(t, i));
}

static inline void run_at(size_t i, struct transcript *t, void (*run)(void))
{
	door = &doors[i];
	transcript = t;
	run();
	show(t, door->name);
}

static inline void compare(struct __test_metadata *_metadata,
			   void (*run)(void))
{
	struct transcript udp = {}, ttp = {};
	size_t i;

	run_at(0, &udp, run);
	ASSERT_LT(0, udp.n);
	for (i = 1; i < DOORS; i++) {
		ttp.len = 0;
		ttp.n = 0;
		run_at(i, &ttp, run);
		EXPECT_EQ(0, differing(&udp, &ttp, i))
			TH_LOG("of %zu lines at %s", udp.n, doors[i].name);
	}
}

FIXTURE(compare) {
};

FIXTURE_VARIANT(compare) {
	void (*run)(void);
};

FIXTURE_SETUP(compare)
{
	ASSERT_EQ(0, own_netns());
}

FIXTURE_TEARDOWN(compare)
{
}

TEST_F_TIMEOUT(compare, is_as_udp, LONG)
{
	compare(_metadata, variant->run);
}

/* Last: is the list true? */
FIXTURE(list) {
};

FIXTURE_SETUP(list)
{
}

FIXTURE_TEARDOWN(list)
{
}

TEST_F(list, differences_occur)
{
	size_t i, j;

	ASSERT_LT(0, n_differences);
	ASSERT_GT(DIFFERENCES, n_differences);
	for (i = 0; i < n_differences; i++) {
		const struct difference *d = &differences[i];

		EXPECT_STRNE("", d->why);
		for (j = 1; d->here && j < DOORS; j++) {
			if (!is_at(d, doors[j].name))
				continue;
			EXPECT_LT(0, occurred[i][j])
				TH_LOG("does not occur at %s: %s",
				       doors[j].name, d->what);
		}
	}
}

#endif /* _COMPARE_H */
