/* SPDX-License-Identifier: MIT */
/*
 * Recursion that yields: a walk of a tree stops at each node, however deep, and goes on from there.
 *
 * So two walks can run side by side. They tell whether two trees of different shape have the same
 * words.
 */
#include "talk.h"

#include <string.h>

struct tree {
	const char *word;
	struct tree *left, *right;
};

/* A generator of the tree's nodes, in order. */
static int walk(void *arg)
{
	struct tree *tree = arg;
	if (!tree)
		return 0;
	int r = walk(tree->left);
	if (r == 0)
		r = coro_yield(tree, NULL);
	return r == 0 ? walk(tree->right) : r;
}

static void compare(struct tree *a, struct tree *b)
{
	struct coro_iterator *pairs =
		coro_iter_zip(2, coro_iter_generate(walk, a, 0), coro_iter_generate(walk, b, 0));
	void *item;
	int r;
	while ((r = must(coro_iter_next(pairs, &item))) > 0) {
		const struct tree *x = ((void **)item)[0], *y = ((void **)item)[1];
		if (strcmp(x->word, y->word) != 0) {
			printf("then %s in one and %s in the other\n", x->word, y->word);
			break;
		}
		printf("%s ", x->word);
	}
	if (r == 0)
		puts("in both");
	must(coro_iter_close(pairs)); /* a walk that is not at its end returns from all its calls */
}

/* Makes a search tree: adds the words in this order. */
static struct tree *plant(struct tree nodes[5], const char *const words[5])
{
	struct tree *root = NULL;
	for (int i = 0; i < 5; i++) {
		struct tree **at = &root;
		while (*at)
			at = strcmp(words[i], (*at)->word) < 0 ? &(*at)->left : &(*at)->right;
		nodes[i] = (struct tree){.word = words[i]};
		*at = &nodes[i];
	}
	return root;
}

int main(void)
{
	struct tree nodes[3][5];
	struct tree *bushy =
		plant(nodes[0], (const char *[]){"cedar", "alder", "elm", "birch", "dogwood"});
	struct tree *list =
		plant(nodes[1], (const char *[]){"alder", "birch", "cedar", "dogwood", "elm"});
	struct tree *other =
		plant(nodes[2], (const char *[]){"fir", "birch", "elm", "cedar", "alder"});

	compare(bushy, list);
	compare(bushy, other);
	return 0;
}
