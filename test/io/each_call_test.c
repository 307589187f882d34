/* SPDX-License-Identifier: MIT */
/*
 * Programs of all that the library does with the system. Each of their calls fails in turn, with each
 * of several errors; and then all transfers are of a byte. What is to come of it:
 *
 *   - the program comes to its end;
 *   - the error comes back from the call of who made it, or nothing does, where it can do without;
 *   - whoever has nothing to do with it goes on as if nothing had been;
 *   - bytes that were sent arrive once and in order, and none is lost before an end that is read;
 *   - no fd, no process and no memory is left.
 */
#include "fds.h"

#include <netdb.h>
#include <poll.h>
#include <sys/stat.h>

/* Like ck_assert_msg, but makes no system calls if it holds. */
#define claim(so, ...)                             \
	do {                                       \
		if (!(so)) {                       \
			fail_call_off();           \
			ck_abort_msg(__VA_ARGS__); \
		}                                  \
	} while (0)

/* ---- a run ---- */

static struct {
	const struct program *program;
	const char *name; /* of the call that fails */
	unsigned long n;
	int error;
	int result; /* of the run */
	bool failed;
	char words[256];
} this;

/* ---- parties: tasks, and what came of them ---- */

struct party {
	const char *name;
	int group; /* of those that have to do with each other */
	int (*fn)(struct party *party);
	struct flow *flow;
	int fd, style, number;
	int result;
	bool failed; /* the call was made on its stack, while that was its own */
	struct coro_future *task;
};

/* Bytes in one direction. */
struct flow {
	int from, to;
	size_t length; /* of all of it */
	size_t sent, got;
	bool ended; /* its end was read */
};

enum { PARTIES = 12, FLOWS = 4, STACK = 256 * 1024 };

static struct party parties[PARTIES];
static struct flow flows[FLOWS];
static int party_count, flow_count, groups;
static bool shortened; /* all transfers are of a byte */
static size_t piece;   /* that is sent at a time */

static struct party *add_party(const char *name, int (*fn)(struct party *party), int group)
{
	ck_assert_int_lt(party_count, PARTIES);
	struct party *party = &parties[party_count++];
	*party = (struct party){.name = name, .fn = fn, .group = group, .fd = -1};
	return party;
}

static __attribute__((noinline)) int party_run(void *arg)
{
	struct party *party = arg;
	const char *top = __builtin_frame_address(0), *before = failed_at();
	party->result = party->fn(party);
	const char *at = failed_at();
	party->failed = !before && at && at <= top && at > top - STACK;
	return 0;
}

/* The main task of all programs. */
static int runs_parties(void *arg)
{
	int r = 0;
	for (int i = 0; i < party_count; i++)
		parties[i].result = -ECANCELED;
	for (int i = 0; i < party_count && r == 0; i++)
		r = coro_spawn(party_run, &parties[i], &parties[i].task);
	for (int i = 0; i < party_count && r == 0; i++)
		r = coro_await(parties[i].task, NULL);
	return r;
}

/* The party whose call failed; NULL: none's. */
static const struct party *culprit(void)
{
	for (int i = 0; i < party_count; i++)
		if (parties[i].failed)
			return &parties[i];
	return NULL;
}

/* ---- bytes ---- */

/* What is sent: byte n is n modulo CYCLE, so that one that is lost or comes twice shows. */
enum { CYCLE = 251 };

static char cycles[200 * CYCLE];

static void fill_cycles(void)
{
	for (size_t i = 0; i < sizeof(cycles); i++)
		cycles[i] = (char)(i % CYCLE);
}

/* The bytes from a place on. */
static const char *bytes_at(size_t place, size_t length)
{
	place %= CYCLE;
	claim(length <= sizeof(cycles) - place, "there are fewer bytes than %zu", length);
	return cycles + place;
}

static void make_bytes(const struct flow *flow, char *bytes, size_t length)
{
	memcpy(bytes, bytes_at(flow->sent, length), length);
}

static void check_bytes(const struct flow *flow, const char *bytes, size_t length)
{
	claim(memcmp(bytes, bytes_at(flow->got, length), length) == 0,
	      "bytes %zu to %zu are not what was sent", flow->got, flow->got + length);
}

enum { BY_WRITE, BY_WRITEV, BY_SENDALL, BY_SENDMSG, BY_STREAM };

static ssize_t put_piece(const struct party *party, int fd, char *bytes, size_t length)
{
	struct iovec vec[2] = {{bytes, length / 3}, {bytes + length / 3, length - length / 3}};
	struct msghdr message = {.msg_iov = vec, .msg_iovlen = 2};
	switch (party->style) {
	case BY_WRITE:
		return coro_write(fd, bytes, length);
	case BY_WRITEV:
		return coro_writev(fd, vec, 2);
	case BY_SENDALL:
		return coro_sendall(fd, bytes, length, 0);
	default:
		return coro_sendmsg(fd, &message, 0);
	}
}

static int sends(struct party *party)
{
	struct flow *flow = party->flow;
	char *bytes = malloc(piece);
	ssize_t n = bytes ? 0 : -ENOMEM;
	while (n >= 0 && flow->sent < flow->length) {
		size_t left = flow->length - flow->sent, length = left < piece ? left : piece;
		make_bytes(flow, bytes, length);
		n = put_piece(party, flow->to, bytes, length);
		flow->sent += n > 0 ? (size_t)n : 0;
	}
	free(bytes);
	int r = coro_fd_close(flow->to);
	flow->to = -1;
	return n < 0 ? (int)n : r;
}

static ssize_t take_piece(const struct party *party, int fd, char *bytes, size_t length)
{
	struct iovec vec[2] = {{bytes, length / 3}, {bytes + length / 3, length - length / 3}};
	struct msghdr message = {.msg_iov = vec, .msg_iovlen = 2};
	switch (party->style) {
	case BY_WRITE:
		return coro_read(fd, bytes, length);
	case BY_WRITEV:
		return coro_readv(fd, vec, 2);
	case BY_SENDALL:
		return coro_recv(fd, bytes, length, 0);
	default:
		return coro_recvmsg(fd, &message, 0);
	}
}

static int receives(struct party *party)
{
	struct flow *flow = party->flow;
	char bytes[9000];
	ssize_t n;
	while ((n = take_piece(party, flow->from, bytes, sizeof(bytes))) > 0) {
		check_bytes(flow, bytes, (size_t)n);
		flow->got += (size_t)n;
	}
	flow->ended = n == 0;
	int r = coro_fd_close(flow->from);
	flow->from = -1;
	return n < 0 ? (int)n : r;
}

static struct flow *add_flow(int kind)
{
	struct pair pair = make_pair(kind);
	ck_assert_int_lt(flow_count, FLOWS);
	struct flow *flow = &flows[flow_count++];
	size_t length = shortened ? 200 : 90000;
	*flow = (struct flow){.from = pair.from, .to = pair.to, .length = length};
	return flow;
}

static void add_transfer(int kind, int style)
{
	int group = ++groups;
	struct flow *flow = add_flow(kind);
	struct party *to = add_party("sender", sends, group);
	struct party *from = add_party("receiver", receives, group);
	to->flow = from->flow = flow;
	to->style = from->style = style;
}

static void transfers(int kind)
{
	add_transfer(kind, BY_WRITE);
	add_transfer(kind, BY_WRITEV);
}

static void pipes(void)
{
	transfers(PIPE);
}

static void pipes_nonblock(void)
{
	transfers(PIPE_NONBLOCK);
}

static void unix_bytes(void)
{
	transfers(UNIX);
}

static void tcp_bytes(void)
{
	transfers(TCP);
}

static void sockets(int kind)
{
	add_transfer(kind, BY_SENDALL);
	add_transfer(kind, BY_SENDMSG);
}

static void unix_sockets(void)
{
	sockets(UNIX_NONBLOCK);
}

static void tcp_sockets(void)
{
	sockets(TCP);
}

/* ---- streams ---- */

static int writes_stream(struct party *party)
{
	struct flow *flow = party->flow;
	struct coro_stream *stream;
	char bytes[1000];
	int r = coro_stream_open(flow->to, NULL, &stream);
	if (r < 0) {
		coro_fd_close(flow->to);
		flow->to = -1;
		return r;
	}
	flow->to = -1;
	while (r == 0 && flow->sent < flow->length) {
		size_t left = flow->length - flow->sent;
		size_t length = left < sizeof(bytes) ? left : sizeof(bytes);
		make_bytes(flow, bytes, length);
		r = coro_stream_write(stream, bytes, length);
		flow->sent += r == 0 ? length : 0;
		if (r == 0)
			r = coro_stream_drain(stream);
	}
	if (r == 0 && party->number)
		r = coro_stream_flush(stream);
	coro_stream_close(stream);
	int closed = coro_stream_wait_closed(stream);
	coro_stream_destroy(stream);
	return r < 0 ? r : closed;
}

/* Reads in all ways by turns. */
static ssize_t read_some(struct coro_stream *stream, int i, char *bytes, size_t size)
{
	const char *place;
	ssize_t n;
	switch (i % 4) {
	case 0:
		return coro_stream_read(stream, bytes, size);
	case 1:
		n = coro_stream_readexactly(stream, bytes, 77);
		break;
	case 2:
		n = coro_stream_peek(stream, 1, &place);
		n = n > (ssize_t)size ? (ssize_t)size : n;
		if (n > 0) {
			memcpy(bytes, place, (size_t)n);
			coro_stream_consume(stream, (size_t)n);
		}
		return n;
	default:
		n = coro_stream_readline(stream, &place);
		if (n > 0)
			memcpy(bytes, place, (size_t)n);
		return n;
	}
	return n == CORO_INCOMPLETE ? coro_stream_read(stream, bytes, size) : n;
}

static int reads_stream(struct party *party)
{
	struct flow *flow = party->flow;
	struct coro_stream *stream;
	char bytes[9000];
	ssize_t n;
	int r = coro_stream_open(flow->from, NULL, &stream);
	if (r < 0) {
		coro_fd_close(flow->from);
		flow->from = -1;
		return r;
	}
	flow->from = -1;
	for (int i = 0; (n = read_some(stream, i, bytes, sizeof(bytes))) > 0; i++) {
		check_bytes(flow, bytes, (size_t)n);
		flow->got += (size_t)n;
	}
	/* What came before an error is still there. */
	char rest[4096];
	while (n < 0 && coro_stream_peek(stream, 0, &(const char *){NULL}) > 0) {
		n = coro_stream_read(stream, rest, sizeof(rest));
		check_bytes(flow, rest, (size_t)n);
		flow->got += (size_t)n;
		n = coro_stream_read(stream, rest, sizeof(rest));
	}
	flow->ended = n == 0;
	coro_stream_destroy(stream);
	return (int)n;
}

static void add_streams(int kind)
{
	int group = ++groups;
	struct flow *flow = add_flow(kind);
	struct party *to = add_party("writer", writes_stream, group);
	struct party *from = add_party("reader", reads_stream, group);
	to->flow = from->flow = flow;
	to->number = kind == UNIX;
}

static void streams(void)
{
	add_streams(PIPE);
	add_streams(UNIX);
	add_streams(TCP);
}

/* ---- datagrams ---- */

enum { DATAGRAMS = 5 };

static int sends_datagrams(struct party *party)
{
	struct flow *flow = party->flow;
	ssize_t n = 0;
	for (int i = 0; i < DATAGRAMS && n >= 0; i++) {
		char bytes[100];
		make_bytes(flow, bytes, sizeof(bytes));
		n = coro_sendto(flow->to, bytes, sizeof(bytes), 0, NULL, 0);
		flow->sent += n > 0 ? (size_t)n : 0;
	}
	flow->length = flow->sent;
	while (send(flow->to, "", 0, 0) < 0) /* the end */
		;
	coro_fd_close(flow->to);
	flow->to = -1;
	return n < 0 ? (int)n : 0;
}

static int receives_datagrams(struct party *party)
{
	struct flow *flow = party->flow;
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	char bytes[200];
	ssize_t n;
	while ((n = coro_recvfrom(flow->from, bytes, sizeof(bytes), 0, (struct sockaddr *)&from,
				  &length)) > 0) {
		check_bytes(flow, bytes, (size_t)n);
		flow->got += (size_t)n;
	}
	flow->ended = n == 0;
	coro_fd_close(flow->from);
	flow->from = -1;
	return (int)n;
}

static void datagrams(void)
{
	int group = ++groups;
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	struct flow *flow = &flows[flow_count++];
	*flow = (struct flow){.from = socket(AF_INET, SOCK_DGRAM, 0),
			      .to = socket(AF_INET, SOCK_DGRAM, 0)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(flow->from, (struct sockaddr *)&address, length), 0);
	getsockname(flow->from, (struct sockaddr *)&address, &length);
	ck_assert_int_eq(connect(flow->to, (struct sockaddr *)&address, length), 0);
	add_party("sender", sends_datagrams, group)->flow = flow;
	add_party("receiver", receives_datagrams, group)->flow = flow;
}

/* ---- connections ---- */

static char where[CORO_ADDRESS_SIZE]; /* what is listened at; empty: not yet */
static int not_listening;             /* and will not be */
static bool by_unix;

static int listens(const char *address, int *ret)
{
	int r = coro_listen(address, NULL, ret);
	if (r == 0)
		r = coro_getsockname(*ret, where, sizeof(where));
	return r < 0 ? r : 0;
}

static int echo(int fd)
{
	char bytes[1000];
	ssize_t n, put = 0;
	while (put >= 0 && (n = coro_read(fd, bytes, sizeof(bytes))) > 0)
		put = coro_write(fd, bytes, (size_t)n);
	return (int)(put < 0 ? put : n);
}

static const char *own_address(void)
{
	static char name[64];
	snprintf(name, sizeof(name), "unix:@coro-each-call-%d", (int)getpid());
	return by_unix ? name : "127.0.0.1:0";
}

static int serves_one(struct party *party)
{
	int listening = -1, fd = -1;
	int r = listens(own_address(), &listening);
	not_listening = r;
	if (r == 0)
		r = fd = coro_accept_next(listening);
	if (r >= 0)
		r = echo(fd);
	if (listening >= 0)
		coro_fd_close(listening);
	if (fd >= 0)
		coro_fd_close(fd);
	return r;
}

static int says_and_hears(int fd)
{
	struct flow flow = {.length = 9 * 90};
	char bytes[90]; /* fits into either direction, also by single bytes */
	ssize_t n = 0;
	while (n >= 0 && flow.got < flow.length) {
		if (flow.got == flow.sent) {
			make_bytes(&flow, bytes, sizeof(bytes));
			n = coro_write(fd, bytes, sizeof(bytes));
			flow.sent += n > 0 ? (size_t)n : 0;
			if (n < 0)
				break;
		}
		n = coro_read(fd, bytes, flow.sent - flow.got);
		if (n == 0)
			return -EPIPE;
		if (n > 0)
			check_bytes(&flow, bytes, (size_t)n);
		flow.got += n > 0 ? (size_t)n : 0;
	}
	return n < 0 ? (int)n : 0;
}

/* 0 once somebody listens; or why nobody will. */
static int wait_for_listener(void)
{
	int r = 0;
	while (r == 0 && !where[0] && !not_listening)
		r = coro_sleep(CORO_MSEC);
	return r == 0 && !where[0] ? -ECONNREFUSED : r;
}

static int dials(struct party *party)
{
	struct coro_dial_options options = {.timeout = 100 * CORO_SEC};
	char peer[CORO_ADDRESS_SIZE];
	int fd, r = wait_for_listener();
	if (r == 0)
		r = coro_dial(where, &options, &fd);
	if (r < 0)
		return r;
	if (!by_unix)
		r = coro_getpeername(fd, peer, sizeof(peer));
	if (r >= 0)
		r = says_and_hears(fd);
	coro_fd_close(fd);
	return r;
}

/* So that the accepting party does not wait for ever. */
static int dials_to_the_end(struct party *party)
{
	int r = dials(party);
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	if (r < 0 && where[0] && parties[0].result == -ECANCELED)
		for (int fd = 3; fd < 256; fd++) {
			int on = 0;
			socklen_t size = sizeof(on);
			if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) < 0 || !on ||
			    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
				continue;
			int other = socket(address.ss_family, SOCK_STREAM, 0);
			connect(other, (struct sockaddr *)&address, length);
			close(other);
			break;
		}
	return r;
}

static void connection(void)
{
	int group = ++groups;
	by_unix = false;
	add_party("server", serves_one, group);
	add_party("client", dials_to_the_end, group);
}

static void unix_connection(void)
{
	connection();
	by_unix = true;
}

/* Of several addresses: the first refuses, the second is listened at. */
static int dials_several(struct party *party)
{
	int r = wait_for_listener();
	if (r == 0)
		memmove(where, strrchr(where, ':'), strlen(strrchr(where, ':')) + 1);
	return r < 0 ? r : dials_to_the_end(party);
}

static void several_addresses(void)
{
	int group = ++groups;
	by_unix = false;
	add_party("server", serves_one, group);
	add_party("client", dials_several, group);
}

/* ---- a server ---- */

enum { CLIENTS = 3 };

static int clients_left, reported;

static int echoes_lines(struct coro_stream *stream, void *arg)
{
	const char *line;
	ssize_t n;
	int r = 0;
	while (r == 0 && (n = coro_stream_readline(stream, &line)) > 0) {
		r = coro_stream_write(stream, line, (size_t)n);
		if (r == 0)
			r = coro_stream_drain(stream);
	}
	return r < 0 ? r : (int)n;
}

static void note_failure(int error, const char *words, void *arg)
{
	reported = error;
}

static int serves_all(struct party *party)
{
	struct coro_server_options options = {.failed = note_failure};
	struct coro_server *server;
	int fd, r = coro_server_start("127.0.0.1:0", &options, echoes_lines, NULL, &server);
	not_listening = r;
	if (r < 0)
		return r;
	coro_server_sockets(server, &fd, 1);
	while ((r = coro_getsockname(fd, where, sizeof(where))) < 0 && not_listening == 0)
		not_listening = r;
	while (clients_left > 0 && coro_sleep(CORO_MSEC) == 0)
		;
	r = coro_server_shutdown(server, CORO_SEC);
	if (not_listening == 0) /* unless it could not go on */
		not_listening = coro_server_serve_forever(server);
	coro_server_destroy(server);
	return not_listening < 0 ? not_listening : r > 0 ? 0 : r;
}

static int converses(struct coro_stream *stream, int number)
{
	char got[32], line[32];
	const char *place;
	int r = 0;
	for (int i = 0; i < 4 && r == 0; i++) {
		int length = snprintf(line, sizeof(line), "client %d line %d\n", number, i);
		r = coro_stream_printf(stream, "%s", line);
		if (r == 0)
			r = coro_stream_drain(stream);
		ssize_t n = r;
		if (r == 0 && i % 2 == 0) {
			n = coro_stream_readline(stream, &place);
			if (n > 0 && place[n - 1] == '\n')
				claim(memcmp(place, line, (size_t)n) == 0, "another line");
			if (n >= 0 && n < length)
				n = -EPIPE;
		} else if (r == 0) {
			n = coro_stream_readexactly(stream, got, (size_t)length);
			if (n > 0)
				claim(memcmp(got, line, (size_t)n) == 0, "another line");
		}
		r = n < 0 ? (int)n : 0;
	}
	if (r == 0)
		r = coro_stream_write_eof(stream);
	if (r == 0)
		r = (int)coro_stream_read(stream, got, sizeof(got));
	claim(r <= 0, "more than was said");
	return r;
}

static int is_client(struct party *party)
{
	struct coro_stream *stream;
	int r = wait_for_listener();
	if (r == 0)
		r = coro_open_connection(where, NULL, NULL, &stream);
	if (r == 0) {
		r = converses(stream, party->number);
		coro_stream_close(stream);
		int closed = coro_stream_wait_closed(stream);
		r = r < 0 ? r : closed;
		coro_stream_destroy(stream);
	}
	clients_left--;
	return r;
}

static void server(void)
{
	add_party("server", serves_all, ++groups);
	clients_left = CLIENTS;
	for (int i = 0; i < CLIENTS; i++)
		add_party("client", is_client, ++groups)->number = i;
}

/* ---- from one fd to another ---- */

static int source = -1;

static int sends_file(struct party *party)
{
	struct flow *flow = party->flow;
	off_t offset = 0;
	ssize_t n = 1;
	while (n > 0 && flow->sent < flow->length) {
		n = coro_sendfile(flow->to, source, party->number ? NULL : &offset,
				  flow->length - flow->sent);
		flow->sent += n > 0 ? (size_t)n : 0;
		claim(party->number || (size_t)offset == flow->sent, "the offset is wrong");
	}
	coro_fd_close(flow->to);
	flow->to = -1;
	return n < 0 ? (int)n : 0;
}

static void make_source(size_t length)
{
	char name[] = "/tmp/coro-each-call-XXXXXX";
	source = mkstemp(name);
	ck_assert_int_ge(source, 0);
	unlink(name);
	claim(pwrite(source, bytes_at(0, length), length, 0) == (ssize_t)length, "no file");
}

static void add_sendfile(int kind, bool at_position)
{
	int group = ++groups;
	struct flow *flow = add_flow(kind);
	flow->length = shortened ? 200 : 5000;
	make_source(flow->length);
	struct party *to = add_party("sender", sends_file, group);
	struct party *from = add_party("receiver", receives, group);
	to->flow = from->flow = flow;
	to->number = at_position;
}

static void sendfile_to_nonblock(void)
{
	add_sendfile(UNIX_NONBLOCK, false);
}

static void sendfile_by_copy(void)
{
	add_sendfile(TCP, true);
}

static int splices(struct party *party)
{
	struct flow *in = &flows[0], *out = &flows[1];
	ssize_t n = coro_write(in->to, "0123456789", 10);
	for (int left = (int)n; n > 0 && left > 0; left -= (int)n)
		n = coro_splice(in->from, NULL, out->to, NULL, (size_t)left, 0);
	char got[16] = {0};
	for (int have = 0; n > 0 && have < 10; have += (int)n)
		n = coro_read(out->from, got + have, sizeof(got) - 1 - (size_t)have);
	if (n > 0)
		claim(strcmp(got, "0123456789") == 0, "spliced: %s", got);
	return n < 0 ? (int)n : 0;
}

static void splicing(void)
{
	add_flow(PIPE)->length = 0;
	add_flow(UNIX_NONBLOCK)->length = 0;
	add_party("splices", splices, ++groups);
}

/* ---- files ---- */

static char directory[64];

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static int uses_file(int fd)
{
	struct iovec vec[2] = {{"hello ", 6}, {"there", 5}};
	struct stat status;
	char got[16] = {0};
	ssize_t n, have = 0;
	n = coro_writev(fd, vec, 2);
	if (n > 0 && n < 11)
		n = coro_write(fd, &"hello there"[n], 11 - (size_t)n);
	if (n >= 0)
		n = coro_pwrite(fd, "T", 1, 6);
	int r = n < 0 ? (int)n : coro_fsync(fd);
	if (r == 0)
		r = coro_fdatasync(fd);
	if (r == 0)
		r = coro_fstat(fd, &status);
	if (r == 0)
		claim(status.st_size == 11, "size %d", (int)status.st_size);
	if (r == 0)
		r = coro_ftruncate(fd, 10);
	while (r == 0 && have < 10) {
		n = coro_pread(fd, got + have, sizeof(got) - (size_t)have, have);
		claim(n != 0, "the file ends at %d", (int)have);
		r = n < 0 ? (int)n : 0;
		have += n > 0 ? n : 0;
	}
	if (r == 0)
		claim(strcmp(got, "hello Ther") == 0, "the file has: %s", got);
	return r;
}

static int lists_directory(void)
{
	struct coro_dir *dir;
	const char *name;
	int names = 0, r = coro_opendir(directory, &dir);
	if (r < 0)
		return r;
	while ((r = coro_readdir(dir, &name)) > 0)
		names++;
	int closed = coro_closedir(dir);
	r = r < 0 ? r : closed;
	if (r == 0)
		claim(names == 2, "%d names", names);
	return r;
}

static int uses_files(struct party *party)
{
	struct stat status;
	int fd = coro_open(path_of("a"), O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return fd;
	int r = uses_file(fd), closed = coro_fd_close(fd);
	r = r < 0 ? r : closed;
	if (r == 0)
		r = coro_rename(path_of("a"), path_of("b"));
	if (r == 0)
		r = coro_mkdir(path_of("c"), 0700);
	if (r == 0)
		r = coro_stat(path_of("b"), &status);
	if (r == 0)
		r = coro_lstat(path_of("c"), &status);
	if (r == 0)
		r = lists_directory();
	if (r == 0)
		r = coro_rmdir(path_of("c"));
	return r < 0 ? r : coro_unlink(path_of("b"));
}

static void files(void)
{
	strcpy(directory, "/tmp/coro-each-call-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	add_party("files", uses_files, ++groups);
}

static void clean_directory(void)
{
	if (!directory[0])
		return;
	unlink(path_of("a"));
	unlink(path_of("b"));
	rmdir(path_of("c"));
	ck_assert_int_eq(rmdir(directory), 0);
	directory[0] = '\0';
}

/* ---- names, threads ---- */

static int looks_up(struct party *party)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	int r = coro_getaddrinfo("localhost", "80", &hints, &list);
	if (r == 0)
		freeaddrinfo(list);
	return r;
}

static void names(void)
{
	add_party("looks up", looks_up, ++groups);
	add_party("looks up", looks_up, ++groups);
}

static int seven(void *arg)
{
	return 7;
}

static int uses_threads(struct party *party)
{
	struct coro_executor_options options = {.max_threads = 2};
	struct coro_executor *executor;
	struct coro_future *future;
	int r = coro_executor_create(&options, &executor);
	if (r < 0)
		return r;
	r = coro_executor_submit(executor, seven, NULL, NULL, &future);
	if (r == 0) {
		r = coro_executor_run(executor, seven, NULL);
		int other = coro_await(future, NULL);
		coro_future_unref(future);
		r = r < 0 ? r : other;
	}
	if (r > 0) {
		claim(r == 7, "%d, not 7", r);
		r = coro_to_thread(seven, NULL);
	}
	coro_executor_destroy(executor);
	return r < 0 ? r : 0;
}

static void threads(void)
{
	add_party("threads", uses_threads, ++groups);
}

struct call_from_outside {
	struct coro_loop *loop;
	struct coro_future *future;
	pthread_t thread;
	bool arrived;
};

static void set_future(void *arg)
{
	struct call_from_outside *call = arg;
	call->arrived = true;
	coro_future_set_result(call->future, NULL);
}

static void *calls_from_outside(void *arg)
{
	struct call_from_outside *call = arg;
	if (coro_call_soon_threadsafe(call->loop, set_future, call) < 0)
		abort();
	coro_loop_release(call->loop);
	return NULL;
}

static int is_called_from_outside(struct party *party)
{
	struct call_from_outside call = {.loop = coro_running_loop()};
	int r = coro_future_create(call.loop, &call.future);
	if (r < 0)
		return r;
	coro_loop_hold(call.loop);
	if (create_uncounted(&call.thread, calls_from_outside, &call) != 0)
		abort();
	r = coro_await(call.future, NULL);
	pthread_join(call.thread, NULL);
	while (!call.arrived)
		coro_task_yield(); /* it was cancelled, and the call is on its way */
	coro_future_unref(call.future);
	return r;
}

static int is_called_often(struct party *party)
{
	int r = 0;
	for (int i = 0; i < 5 && r == 0; i++)
		r = is_called_from_outside(party);
	return r;
}

static void calls_from_threads(void)
{
	add_party("called", is_called_often, ++groups);
}

/* ---- signals, processes ---- */

static int waits_for_signal(struct party *party)
{
	int r = coro_loop_add_signal_handler(coro_running_loop(), SIGUSR1, NULL, NULL);
	if (r < 0)
		return r;
	raise(SIGUSR1);
	r = coro_signal_wait(SIGUSR1);
	coro_loop_remove_signal_handler(coro_running_loop(), SIGUSR1);
	return r < 0 ? r : 0;
}

static void signals(void)
{
	add_party("waits", waits_for_signal, ++groups);
}

static int talks(struct party *party)
{
	char *argv[] = {(char *)"cat", NULL};
	struct coro_process_options options = {
		.in = CORO_PIPE, .out = CORO_PIPE, .err = CORO_DEVNULL, .cwd = "/"};
	struct coro_process *process;
	struct coro_bytes out = {0};
	int code = 0;
	int r = coro_process_spawn(argv, &options, &process);
	if (r < 0)
		return r;
	r = coro_process_communicate(process, "words", 5, 0, &out, NULL);
	/* A child need not read its input. */
	if (r == 0 && this.error != EPIPE && this.error != ECONNRESET)
		claim(strcmp(out.bytes, "words") == 0, "%s: it said: %s", this.words, out.bytes);
	free(out.bytes);
	if (r < 0)
		coro_process_kill(process);
	int ended = coro_process_wait(process, &code);
	coro_process_destroy(process);
	/* Where what was reported could not be read, it has exited with this. */
	return r < 0 ? r : ended < 0 ? ended : code == 127 ? -ENOENT : code ? -EBADMSG : 0;
}

static int kills(struct party *party)
{
	char *argv[] = {(char *)"sleep", (char *)"1000", NULL};
	struct coro_process_options options = {.flags = CORO_PROCESS_SESSION};
	struct coro_process *process;
	int code = 0, r = coro_process_spawn(argv, &options, &process);
	if (r < 0)
		return r;
	/* ESRCH says that it has ended; if it was the error, it has not. */
	for (int tries = 0; tries < 2 && (r = coro_process_kill(process)) < 0; tries++)
		if (r != -ESRCH)
			party->number = r;
	r = coro_process_wait(process, &code);
	if (r == 0)
		claim(code == -SIGKILL, "code %d", code);
	coro_process_destroy(process);
	return r < 0 ? r : party->number;
}

static void processes(void)
{
	add_party("talks", talks, ++groups);
	add_party("kills", kills, ++groups);
}

/* ---- a loop as a guest ---- */

static int drive_as_guest(void)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	struct coro_loop *embed;
	struct coro_future *task;
	int r = coro_loop_create(&options, &embed);
	if (r < 0)
		return r;
	r = coro_loop_spawn(embed, NULL, runs_parties, NULL, &task);
	if (r < 0) {
		coro_loop_close(embed);
		return r;
	}
	int fd = coro_loop_fd(embed), failed = 0;
	if (fd == -ENOTSUP)
		r = coro_run_until_complete(embed, task, NULL);
	else if (fd < 0)
		failed = fd;
	while (fd >= 0 && !coro_future_done(task)) {
		int64_t left = coro_loop_timeout(embed);
		struct pollfd wanted = {.fd = fd, .events = POLLIN};
		int n = poll(&wanted, 1, left == CORO_FOREVER ? 5000 : (int)(left / CORO_MSEC));
		claim(n != 0 || left != CORO_FOREVER, "%s: the host is not told", this.words);
		r = coro_loop_run_once(embed);
		if (r < 0)
			failed = r;
	}
	if (!coro_future_done(task))
		coro_run_until_complete(embed, task, NULL);
	coro_future_unref(task);
	coro_loop_close(embed);
	return failed;
}

static void embed(void)
{
	add_transfer(UNIX, BY_WRITE);
	add_party("called", is_called_often, ++groups);
}

/* ---- the programs ---- */

static const struct program {
	const char *name;
	void (*make)(void);
	int (*drive)(void);
	bool everywhere; /* other threads make calls of it */
	bool whole;      /* its transfers cannot be shortened */
} programs[] = {
	{"pipes", pipes},
	{"pipes, O_NONBLOCK", pipes_nonblock},
	{"bytes by unix", unix_bytes},
	{"bytes by TCP", tcp_bytes},
	{"unix sockets", unix_sockets},
	{"TCP sockets", tcp_sockets},
	{"streams", streams},
	{"datagrams", datagrams, .whole = true},
	{"connection", connection},
	{"unix connection", unix_connection},
	{"several addresses", several_addresses},
	{"server", server},
	{"sendfile", sendfile_to_nonblock},
	{"sendfile by a copy", sendfile_by_copy},
	{"splice", splicing},
	{"files", files, .everywhere = true},
	{"names", names, .everywhere = true},
	{"threads", threads, .everywhere = true},
	{"calls from threads", calls_from_threads, .everywhere = true, .whole = true},
	{"signals", signals, .whole = true},
	{"processes", processes, .whole = true},
	{"guest", embed, drive_as_guest, .everywhere = true, .whole = true},
};

enum { PROGRAMS = sizeof(programs) / sizeof(programs[0]) };

/* ---- the calls, and what they fail with ---- */

static const int usual_errors[] = {ENOMEM,     EMFILE, ENFILE,    EINTR,
				   ECONNRESET, EPIPE,  ETIMEDOUT, EIO};

/* Errors beside the usual ones; alone, if the usual ones would be another system's. */
static const struct {
	const char *name;
	bool alone;
	int errors[8];
} errors_of[] = {
	{"accept4", false, {ECONNABORTED, ENOBUFS, EPROTO, EHOSTUNREACH, ENETDOWN}},
	{"bind", false, {EADDRINUSE, EACCES}},
	{"connect", false, {ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL}},
	{"epoll_ctl", false, {ENOSPC}},
	{"epoll_pwait2", false, {ENOSYS}},
	{"execve", false, {ENOENT, EACCES}},
	{"getsockopt", false, {ENOTSOCK}},
	{"preadv2", false, {EOPNOTSUPP}},
	{"pwritev2", false, {EOPNOTSUPP}},
	{"pthread_create", false, {EAGAIN}},
	{"recv", false, {EHOSTUNREACH}},
	{"send", false, {ENOBUFS, EHOSTUNREACH}},
	{"sendmsg", false, {ENOBUFS}},
	{"sendfile", false, {EINVAL, ENOSYS}},
	{"vfork", false, {EAGAIN}},
	/* Of a child of ours. */
	{"waitid", true, {EINTR, ECHILD}},
	{"waitpid", true, {EINTR}},
	{"kill", true, {ESRCH}},
	/* Its own answers: it was not found while it went from one state to another. */
	{"uring_cancel", true, {ENOENT}},
	{"uring_poll", true, {ENOMEM, EINVAL, ECANCELED}},
	{"io_uring_enter", false, {EBUSY, EAGAIN}},
	{"io_uring_setup", false, {ENOSYS, EPERM, EINVAL}},
};

/*
 * Those to try with the n-th call: all that are its own; and of the usual ones all with the first calls,
 * but with later ones, which are alike, EINTR and one other in turn.
 */
static int list_errors(const char *name, unsigned long n, int *ret)
{
	enum { USUAL = sizeof(usual_errors) / sizeof(int) };
	int count = 0;
	bool alone = false,
	     few = running_slow(); /* checkers look at how, not with which, it fails */
	for (size_t i = 0; i < sizeof(errors_of) / sizeof(errors_of[0]); i++)
		if (strcmp(errors_of[i].name, name) == 0) {
			alone = errors_of[i].alone;
			for (int e = 0; errors_of[i].errors[e]; e++)
				ret[count++] = errors_of[i].errors[e];
		}
	for (unsigned long e = 0; !alone && e < USUAL; e++)
		if (n % USUAL == e || (!few && (n <= 2 || usual_errors[e] == EINTR)))
			ret[count++] = usual_errors[e];
	return count;
}

/* Calls by which the loop waits: no task makes them, and the run ends with their error. */
static bool is_wait(const char *name)
{
	static const char *const waits[] = {"epoll_wait",     "epoll_pwait2", "ppoll",
					    "io_uring_enter", "uring_look",   "kevent"};
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		if (strcmp(waits[i], name) == 0)
			return true;
	return false;
}

/* Calls that may be interrupted, without a difference. */
static bool may_be_interrupted(const char *name)
{
	static const char *const calls[] = {
		"read",           "write",        "readv",      "writev",  "preadv2",  "pwritev2",
		"recv",           "send",         "recvmsg",    "sendmsg", "accept4",  "connect",
		"poll",           "epoll_pwait2", "epoll_wait", "ppoll",   "sendfile", "splice",
		"waitid",         "waitpid",      "close",      "open",    "preadv",   "pwritev",
		"io_uring_enter", "kevent",
	};
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i], name) == 0)
			return true;
	return false;
}

/* ---- what is looked at after a run ---- */

static void *run_program(void *arg)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	fail_call(this.name, this.n, this.error);
	if (shortened)
		shorten_transfers(1);
	if (this.program->everywhere)
		fail_calls_everywhere();
	this.result = this.program->drive ? this.program->drive()
					  : coro_run_with(&options, runs_parties, NULL);
	this.failed = fail_call_off();
	for (int i = 0; i < party_count; i++)
		coro_future_unref(parties[i].task);
	return NULL;
}

static void stuck(int signum)
{
	ssize_t n = write(STDERR_FILENO, this.words, strlen(this.words));
	n += write(STDERR_FILENO, " does not come to an end\n", 25);
	_exit(n > 0 ? 1 : 2);
}

/* A peer that has stopped to read without a word is noticed by the time alone. */
static bool is_gone(int r)
{
	return r == -ETIMEDOUT || r == -EPIPE || r == -ECONNRESET || r == -ECONNREFUSED ||
	       r == -ENOTCONN || r == CORO_INCOMPLETE;
}

static void judge_parties(void)
{
	const struct party *whose = culprit();
	int hit[PARTIES + 1] = {0}, groups_hit = 0;
	for (int i = 0; i < party_count; i++) {
		const struct party *party = &parties[i];
		int r = party->result;
		/* An fd that reports ENOTSOCK has no end of writing. */
		bool own = r == -this.error || (this.error == ENOTSOCK && r == -EOPNOTSUPP);
		if (r == 0)
			continue;
		groups_hit += hit[party->group]++ == 0;
		claim(own || is_gone(r), "%s: %s %d got %s", this.words, party->name, i,
		      coro_strerror(r));
		if (!whose)
			continue;
		claim(party->group == whose->group || (not_listening && is_gone(r)),
		      "%s: by %s, but %s %d got %s", this.words, whose->name, party->name, i,
		      coro_strerror(r));
		claim(party == whose || is_gone(r), "%s: by %s, but it was %s that got %s",
		      this.words, whose->name, party->name, coro_strerror(r));
	}
	claim(groups_hit <= 1 || not_listening, "%s: %d groups have failed", this.words,
	      groups_hit);
}

static void judge_flows(void)
{
	for (int i = 0; i < flow_count; i++) {
		const struct flow *flow = &flows[i];
		claim(flow->got <= flow->length, "%s: %zu bytes", this.words, flow->got);
		claim(!flow->ended || flow->got == flow->sent || parties[2 * i].fn == writes_stream,
		      "%s: flow %d: %zu sent, %zu got before the end", this.words, i, flow->sent,
		      flow->got);
		if (parties[2 * i].result == 0 && parties[2 * i + 1].result == 0 &&
		    parties[2 * i].flow == flow)
			claim(flow->got == flow->length, "%s: flow %d: %zu of %zu", this.words, i,
			      flow->got, flow->length);
	}
}

static void judge(void)
{
	bool wait = this.failed && is_wait(failed_call());
	claim(this.result == 0 || (wait && this.result == -this.error) ||
		      (this.program->drive && this.failed && this.result == -this.error),
	      "%s: the run ended with %s", this.words, coro_strerror(this.result));
	if (this.result == 0)
		judge_parties();
	judge_flows();
	if (this.failed && this.error == EINTR && may_be_interrupted(failed_call()))
		for (int i = 0; i < party_count; i++)
			claim(parties[i].result == 0 && this.result == 0, "%s: %s got %s",
			      this.words, parties[i].name, coro_strerror(parties[i].result));
}

static void close_what_is_ours(void)
{
	for (int i = 0; i < flow_count; i++) {
		if (flows[i].from >= 0)
			close(flows[i].from);
		if (flows[i].to >= 0)
			close(flows[i].to);
	}
	if (source >= 0)
		close(source);
	source = -1;
	clean_directory();
}

static void assert_no_children(void)
{
	siginfo_t info = {0};
	if (this.failed && strcmp(failed_call(), "waitid") == 0 && this.error == ECHILD)
		waitpid(-1, NULL, 0); /* so it was said, but not so it was */
	int r = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
	claim(r < 0 && errno == ECHILD, "%s: a child is left", this.words);
}

static void assert_no_fds(void)
{
	for (int fd = 0; fd < 128; fd++)
		claim((fcntl(fd, F_GETFD) >= 0) == fds_before[fd], "%s: fd %d was %s", this.words,
		      fd, fds_before[fd] ? "closed" : "left open");
}

/* Runs the program with that failure; returns whether the call was reached. */
static bool run_with(const char *name, unsigned long n, int error)
{
	this.name = name;
	this.n = n;
	this.error = error;
	snprintf(this.words, sizeof(this.words), "%s: %s %lu, %s", this.program->name,
		 name ? name : "nothing", n, coro_strerror(error));
	party_count = flow_count = groups = 0;
	where[0] = '\0';
	not_listening = reported = 0;
	this.program->make();
	alarm(20);
	int threads = threads_now();
	in_thread(run_program, NULL);
	await_threads(threads); /* those for names are left behind */
	alarm(0);
	judge();
	close_what_is_ours();
	assert_no_children();
	assert_no_fds();
	return this.failed;
}

/*
 * Some memory is kept for the next time, and some by the C library for as many threads as happened to
 * look up names at once: only what is left each time is lost.
 */
static bool run_without_a_leak(const char *name, unsigned long n, int error)
{
	enum { TIMES = 5 };
	size_t before = 0;
	bool failed = false;
	for (int i = 0; i < TIMES; i++) {
		before = allocated();
		failed = run_with(name, n, error);
		if (allocated() <= before)
			return failed;
	}
	claim(false, "%s: %zu bytes are left allocated", this.words, allocated() - before);
	return failed;
}

static void begin(const struct program *program, bool bytes)
{
	struct sigaction action = {.sa_handler = stuck};
	sigaction(SIGALRM, &action, NULL);
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
#endif
	list_fds(fds_before);
	fill_cycles();
	skip_syncs();
	this.program = program;
	shortened = bytes;
	piece = bytes ? 50 : 30000;
	for (int i = 0; i < 2; i++)
		run_with(NULL, 0, 0);
}

/* All calls that it makes, by name. */
static int list_calls(const char **ret, int room)
{
	int count = 0;
	const char *name;
	for (int i = 0; count < room && (name = call_named(i)); i++)
		ret[count++] = name;
	return count;
}

/* Whether it came to an n-th call of that name. */
static bool nth_call_fails(const char *name, unsigned long n)
{
	int errors[24], error_count = list_errors(name, n, errors);
	bool failed = false;
	for (int e = 0; e < error_count; e++)
		failed |= run_without_a_leak(name, n, errors[e]);
	return failed;
}

START_TEST(each_call_may_fail)
{
	const char *calls[128];
	begin(&programs[_i], false);
	int call_count = list_calls(calls, 128);
	ck_assert_int_gt(call_count, 0);
	for (int call = 0; call < call_count; call++) {
		unsigned long n = 1;
		while (nth_call_fails(calls[call], n))
			ck_assert_uint_lt(++n, 500);
	}
}
END_TEST

START_TEST(each_transfer_may_be_of_a_byte)
{
	if (programs[_i].whole)
		return;
	begin(&programs[_i], true);
	for (int i = 0; i < party_count; i++)
		ck_assert_int_eq(parties[i].result, 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_set_timeout(tests, 300);
	tcase_add_loop_test(tests, each_call_may_fail, 0, PROGRAMS);
	tcase_add_loop_test(tests, each_transfer_may_be_of_a_byte, 0, PROGRAMS);
}

TEST_MAIN("each_call", add)
