/* SPDX-License-Identifier: MIT */
#include "sync/channel.h"

#include "base/memory.h"
#include "core/fail.h"

#include <errno.h>
#include <stdlib.h>

/* -- creating and freeing */

int coro_channel_create(size_t item_size, size_t capacity, struct coro_channel **ret)
{
	size_t bytes;
	if (!ret)
		return fail_with(-EINVAL, "coro_channel_create: ret is NULL");
	if (__builtin_mul_overflow(item_size, capacity, &bytes) ||
	    __builtin_add_overflow(bytes, sizeof(struct coro_channel), &bytes))
		return fail_code(-ENOMEM);
	struct thread *thread = thread_self();
	struct coro_channel *channel = thread ? memory_alloc(bytes) : NULL;
	if (!channel)
		return fail_code(-ENOMEM);
	*channel = (struct coro_channel){
		.thread = thread_ref(thread),
		.item_size = item_size,
		.capacity = capacity,
		.in = channel->items,
		.out = channel->items,
		.end = channel->items + item_size * capacity,
	};
	list_init(&channel->receivers);
	list_init(&channel->senders);
	*ret = channel;
	return 0;
}

int coro_channel_destroy(struct coro_channel *channel)
{
	if (!channel)
		return 0;
	if (channel->thread != thread_current)
		return fail_with(-EPERM, "coro_channel_destroy: the channel is another thread's");
	if (!list_empty(&channel->receivers) || !list_empty(&channel->senders))
		return fail_with(-EBUSY, "coro_channel_destroy: somebody waits in it");
	thread_unref(channel->thread);
	free(channel);
	return 0;
}

/* -- items */

/* Copies an item. Both may be NULL if the size is 0. If `to` is NULL the item is dropped. */
static inline void copy_item(const struct coro_channel *channel, void *to, const void *from)
{
	size_t size = channel->item_size;
	if (unlikely(!to))
		return;
	if (likely(size == sizeof(uint64_t)))
		memcpy(to, from, sizeof(uint64_t));
	else if (size == sizeof(uint32_t))
		memcpy(to, from, sizeof(uint32_t));
	else if (size > 0)
		memcpy(to, from, size);
}

/* The next place in the ring. */
static inline char *after(const struct coro_channel *channel, char *place)
{
	place += channel->item_size;
	return place == channel->end ? (char *)channel->items : place;
}

static inline void put(struct coro_channel *channel, const void *item)
{
	copy_item(channel, channel->in, item);
	channel->in = after(channel, channel->in);
	channel->count++;
}

static inline void take(struct coro_channel *channel, void *ret)
{
	copy_item(channel, ret, channel->out);
	channel->out = after(channel, channel->out);
	channel->count--;
}

/* -- offers */

/* Removes an offer that was served, or never will be, and wakes its task. */
static inline void settle(struct offer *offer, int result)
{
	if (unlikely(offer->select != NULL)) {
		select_happens(offer, result);
		return;
	}
	struct task_wait *wait = container_of((void *)offer, struct task_wait, outer);
	list_remove(&offer->link);
	if (likely(result == 0))
		wake_given(wait->task, 0);
	else
		wake(wait->task, result);
}

static void leave_line(struct task_wait *wait)
{
	list_remove(&wait_offer(wait)->link);
}

static const struct wait_kind sending = {.leave = leave_line, .what = "a channel, to send"};
static const struct wait_kind receiving = {.leave = leave_line, .what = "a channel, to receive"};

/* Leaves an offer and waits until it is served. Ends in park, so to be called last. */
static inline int stand_in(struct list *line, struct thread *thread, void *item,
			   const struct wait_kind *kind)
{
	struct task *task = thread->sched ? thread->sched->running : NULL;
	if (unlikely(!task))
		return fail_with(-EPERM, "coro_channel_send, _receive: not in a task");
	struct task_wait *wait = task_wait(task);
	wait->kind = kind;
	struct offer *offer = wait_offer(wait);
	offer->item = item;
	offer->select = NULL;
	list_append(line, &offer->link);
	return park(task);
}

/* -- the calls */

static const struct failure closed = EXPECTED_FAILURE(-EPIPE, "the channel is closed");

/* Whether the caller may use the channel. */
static inline bool is_usable(const struct coro_channel *channel, const struct thread *thread)
{
	return likely(channel && channel->thread == thread);
}

static inline bool can_be_sent(const struct coro_channel *channel, const void *item)
{
	return likely(item || channel->item_size == 0);
}

/* Fails with the reason why one of these checks failed. */
static __attribute__((cold, noinline)) int refuse_use(const struct coro_channel *channel)
{
	if (!channel)
		return fail_with(-EINVAL, "a channel that is NULL");
	if (channel->thread != thread_current)
		return fail_with(-EPERM, "the channel is another thread's");
	return fail_with(-EINVAL, "coro_channel_send: the item is NULL");
}

static inline int send_now(struct coro_channel *channel, const void *item)
{
	if (!list_empty(&channel->receivers)) {
		struct offer *receiver = first_offer(&channel->receivers);
		copy_item(channel, receiver->item, item);
		settle(receiver, 0);
		return 0;
	}
	if (unlikely(channel->closed))
		return -EPIPE;
	if (channel->count == channel->capacity)
		return -EAGAIN;
	put(channel, item);
	return 0;
}

static inline int receive_now(struct coro_channel *channel, void *ret)
{
	if (channel->count > 0) {
		take(channel, ret);
		if (list_empty(&channel->senders))
			return 0;
		struct offer *sender = first_offer(&channel->senders);
		put(channel, sender->item);
		settle(sender, 0);
		return 0;
	}
	if (!list_empty(&channel->senders)) {
		struct offer *sender = first_offer(&channel->senders);
		copy_item(channel, ret, sender->item);
		settle(sender, 0);
		return 0;
	}
	return unlikely(channel->closed) ? -EPIPE : -EAGAIN;
}

int coro_channel_try_send(struct coro_channel *channel, const void *item)
{
	if (!is_usable(channel, thread_current) || !can_be_sent(channel, item))
		return refuse_use(channel);
	int r = send_now(channel, item);
	return likely(r == 0) ? 0 : r == -EPIPE ? fail_static(&closed) : fail_code(r);
}

/* Renews the budget, which may suspend, and starts anew. */
static __attribute__((noinline)) int send_slow(struct coro_channel *channel, const void *item)
{
	int r = sched_renew_budget(thread_current);
	return r < 0 ? r : coro_channel_send(channel, item);
}

int coro_channel_send(struct coro_channel *channel, const void *item)
{
	struct thread *thread = thread_current;
	if (!is_usable(channel, thread) || !can_be_sent(channel, item))
		return refuse_use(channel);
	if (unlikely(sched_use_budget(thread)))
		return send_slow(channel, item);
	int r = send_now(channel, item);
	if (r == -EAGAIN)
		return stand_in(&channel->senders, thread, (void *)item, &sending);
	return unlikely(r == -EPIPE) ? fail_static(&closed) : r;
}

int coro_channel_try_receive(struct coro_channel *channel, void *ret)
{
	if (!is_usable(channel, thread_current))
		return refuse_use(channel);
	int r = receive_now(channel, ret);
	return likely(r == 0) ? 0 : r == -EPIPE ? fail_static(&closed) : fail_code(r);
}

int coro_channel_receive(struct coro_channel *channel, void *ret)
{
	struct thread *thread = thread_current;
	if (!is_usable(channel, thread))
		return refuse_use(channel);
	int r = receive_now(channel, ret);
	if (r == -EAGAIN)
		return stand_in(&channel->receivers, thread, ret, &receiving);
	return unlikely(r == -EPIPE) ? fail_static(&closed) : r;
}

/* Ends an offer with -EPIPE, since the channel was closed. */
static void refuse(struct offer *offer)
{
	struct task_wait *wait = container_of((void *)offer, struct task_wait, outer);
	if (!offer->select)
		coroutine_take_failure(wait->task->coro.at, -EPIPE, (struct failure *)&closed);
	settle(offer, -EPIPE);
}

/* -- closing */

static void close_channel(struct coro_channel *channel)
{
	channel->closed = true;
	while (!list_empty(&channel->receivers))
		refuse(first_offer(&channel->receivers));
	while (!list_empty(&channel->senders))
		refuse(first_offer(&channel->senders));
}

int coro_channel_close(struct coro_channel *channel)
{
	if (!is_usable(channel, thread_current))
		return refuse_use(channel);
	if (channel->closed)
		return fail_expected(-EALREADY, "the channel is closed already");
	close_channel(channel);
	return 0;
}

static int check_direction(const struct coro_channel *channel, enum coro_direction direction)
{
	if (!is_usable(channel, thread_current))
		return refuse_use(channel);
	return direction != CORO_SEND && direction != CORO_RECEIVE
		       ? fail_with(-EINVAL, "a direction that neither sends nor receives")
		       : 0;
}

int coro_channel_attach(struct coro_channel *channel, enum coro_direction direction)
{
	int r = check_direction(channel, direction);
	if (r < 0)
		return r;
	if (channel->closed)
		return fail_static(&closed);
	channel->attached[direction]++;
	return 0;
}

static void drop_items(struct coro_channel *channel)
{
	channel->count = 0;
	channel->in = channel->out = channel->items;
}

int coro_channel_detach(struct coro_channel *channel, enum coro_direction direction)
{
	int r = check_direction(channel, direction);
	if (r < 0)
		return r;
	if (channel->attached[direction] == 0)
		return fail_with(-EINVAL, "coro_channel_detach: nobody is attached");
	if (--channel->attached[direction] > 0)
		return 0;
	if (direction == CORO_RECEIVE)
		drop_items(channel);
	if (!channel->closed)
		close_channel(channel);
	return 0;
}

/* -- its state */

bool coro_channel_closed(const struct coro_channel *channel)
{
	return channel && channel->closed;
}

size_t coro_channel_length(const struct coro_channel *channel)
{
	return channel ? channel->count : 0;
}

size_t coro_channel_capacity(const struct coro_channel *channel)
{
	return channel ? channel->capacity : 0;
}
