/* SPDX-License-Identifier: MIT */
/* A circular, doubly linked list; nodes lie inside the objects that they link. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* May alias, since public objects declare room for a list under other names. */
struct __attribute__((may_alias)) list {
	struct list *next, *prev;
};

#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void list_init(struct list *list)
{
	list->next = list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_append(struct list *list, struct list *node)
{
	node->prev = list->prev;
	node->next = list;
	list->prev->next = node;
	list->prev = node;
}

/* Removes a node and links it to itself, so that removing it again does no harm. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Removes the first node and returns it. Returns NULL if the list is empty. */
static inline struct list *list_pop(struct list *list)
{
	struct list *node = list->next;
	if (node == list)
		return NULL;
	list_remove(node);
	return node;
}

/* Moves all nodes of another list to the end of this one. */
static inline void list_append_all(struct list *list, struct list *other)
{
	if (list_empty(other))
		return;
	other->next->prev = list->prev;
	list->prev->next = other->next;
	other->prev->next = list;
	list->prev = other->prev;
	list_init(other);
}

#define list_for_each(node, head) \
	for (struct list *node = (head)->next; node != (head); node = node->next)

#endif
