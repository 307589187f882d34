/* SPDX-License-Identifier: MIT */
/* A generator that yields from inside of a recursion. */
#include <coro.h>
#include <stdio.h>

struct node {
	struct node *left, *right;
	int key;
};
CORO_GENERATOR(keys, int);

static int walk(struct node *node)
{
	if (!node)
		return 0;
	int r = walk(node->left);
	if (r == 0)
		r = keys_yield(&node->key);
	return r == 0 ? walk(node->right) : r;
}

static int walk_tree(void *tree)
{
	return walk(tree);
}

int main(void)
{
	struct node a = {.key = 1}, c = {.key = 3}, b = {&a, &c, 2};
	struct coro *keys;
	int *key;
	if (keys_create(walk_tree, &b, &keys) < 0)
		return 1;
	while (keys_next(keys, &key) > 0)
		printf("%d\n", *key);
	return keys_destroy(keys) < 0;
}
