/* SPDX-License-Identifier: MIT */
#include "interpreter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fault(int line, const char *what, const char *word)
{
	fflush(stdout);
	fprintf(stderr, "aio: line %d: %s: %s\n", line, what, word);
	exit(2);
}

/* -- memory */

struct chunk {
	struct chunk *before;
	max_align_t memory[];
};

void *arena_take(struct arena *arena, size_t size)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk) + size);
	if (!chunk)
		fault(0, "out of memory", "");
	chunk->before = arena->last;
	arena->last = chunk;
	return chunk->memory;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
	va_list values, again;
	va_start(values, format);
	va_copy(again, values);
	size_t size = (size_t)vsnprintf(NULL, 0, format, values) + 1;
	char *text = arena_take(arena, size);
	vsnprintf(text, size, format, again);
	va_end(again);
	va_end(values);
	return text;
}

void arena_free(struct arena *arena)
{
	for (struct chunk *chunk = arena->last, *before; chunk; chunk = before) {
		before = chunk->before;
		free(chunk);
	}
	arena->last = NULL;
}

/* -- tables */

void *table_get(const struct table *table, const char *name)
{
	for (struct entry *entry = table->first; entry; entry = entry->next)
		if (strcmp(entry->name, name) == 0)
			return entry->value;
	return NULL;
}

void table_set(struct table *table, struct arena *arena, const char *name, void *value)
{
	struct entry **place = &table->first;
	while (*place && strcmp((*place)->name, name) != 0)
		place = &(*place)->next;
	if (!*place) {
		*place = arena_take(arena, sizeof(**place));
		(*place)->name = name;
	}
	(*place)->value = value;
}

/* -- the parser */

struct parser {
	struct program *program;
	char *rest; /* of the text */
	int line;
	struct statement *now; /* the statement that is looked at; NULL at the end */
	enum body_kind kind;   /* of the body that is read */
	int closed;            /* how many blocks around it forbid an async generator to yield */
};

static const char blanks[] = " \t\r\f\v";

/* Splits a line into words where they lie. */
static struct statement *split(struct parser *parser, char *line)
{
	struct arena *arena = &parser->program->arena;
	struct statement *statement = arena_take(arena, sizeof(*statement));
	statement->line = parser->line;
	statement->words = arena_take(arena, (strlen(line) / 2 + 2) * sizeof(char *));
	statement->text = "";
	size_t count = 0;
	for (char *word = strtok(line, blanks); word; word = strtok(NULL, blanks)) {
		statement->words[count++] = word;
		statement->text =
			count == 1 ? word : arena_format(arena, "%s %s", statement->text, word);
	}
	return count > 0 ? statement : NULL;
}

/* Goes on to the next line that says something. */
static void advance(struct parser *parser)
{
	parser->now = NULL;
	while (parser->rest && !parser->now) {
		char *line = parser->rest;
		char *end = strchr(line, '\n');
		parser->rest = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
		parser->line++;
		line[strcspn(line, "#")] = '\0';
		parser->now = split(parser, line);
	}
}

static int at(const struct parser *parser, const char *word)
{
	if (!parser->now)
		fault(parser->line, "end of the program", "a block without end");
	return strcmp(parser->now->words[0], word) == 0;
}

static const char *argument(const struct statement *statement)
{
	if (!statement->words[1])
		fault(statement->line, "something is missing after", statement->words[0]);
	return statement->words[1];
}

static struct statement *parse_block(struct parser *parser);

/* A block in which an async generator may not yield. */
static struct statement *parse_closed_block(struct parser *parser)
{
	parser->closed++;
	struct statement *first = parse_block(parser);
	parser->closed--;
	return first;
}

/* Past `try` and what it guards: its handlers, and what it does at last. */
static void parse_handlers(struct parser *parser, struct statement *statement)
{
	struct handler **last = &statement->handlers;
	while (!at(parser, "end")) {
		struct statement *clause = parser->now;
		bool final = at(parser, "finally");
		advance(parser);
		if (final) {
			statement->has_final = true;
			statement->final = parse_closed_block(parser);
			continue;
		}
		struct handler *handler = arena_take(&parser->program->arena, sizeof(*handler));
		handler->kind = clause->words[1] ? clause->words[1] : "any";
		if (strcmp(handler->kind, "exit") == 0)
			fault(clause->line, "cannot be caught", handler->kind);
		handler->body = parse_block(parser);
		*last = handler;
		last = &handler->next;
	}
}

static enum statement_kind kind_of(const struct statement *statement)
{
	static const char *const words[] = {
		[RAISE] = "raise", [RETURN] = "return",   [TRY] = "try",
		[WITH] = "with",   [TIMEOUT] = "timeout", [TIMEOUT_AT] = "timeoutat",
		[GROUP] = "group", [EACH] = "each",       [REPEAT] = "repeat",
	};
	for (int kind = RAISE; kind <= REPEAT; kind++)
		if (strcmp(statement->words[0], words[kind]) == 0)
			return (enum statement_kind)kind;
	return OPERATION;
}

/* What has no meaning is refused here: else it would fail unnoticed. */
static void check_operation(const struct parser *parser, struct statement *statement)
{
	const struct operation *operation = operation_find(statement);
	if (!(operation->where & parser->kind) ||
	    (operation->yields && parser->kind == ASYNC_GENERATOR && parser->closed > 0))
		fault(statement->line, "not in here", operation->name);
	statement->operation = operation;
}

static void parse_statement(struct parser *parser, struct statement *statement)
{
	statement->kind = kind_of(statement);
	if (parser->kind == GENERATOR && statement->kind >= TIMEOUT && statement->kind != REPEAT)
		fault(statement->line, "not in a generator", statement->words[0]);
	switch (statement->kind) {
	case OPERATION:
		check_operation(parser, statement);
		return;
	case RAISE:
	case RETURN:
		argument(statement);
		return;
	case TRY:
		statement->body = parse_block(parser);
		parse_handlers(parser, statement);
		break;
	case WITH:
	case REPEAT:
		argument(statement);
		statement->body = parse_block(parser);
		break;
	case TIMEOUT:
	case TIMEOUT_AT:
	case EACH:
		argument(statement);
		statement->body = parse_closed_block(parser);
		break;
	case GROUP:
		statement->body = parse_closed_block(parser);
		break;
	}
	if (!at(parser, "end"))
		fault(parser->line, "not in a try", parser->now->words[0]);
	advance(parser);
}

/* Statements up to an `end`, `except` or `finally`, which is left to the caller. */
static struct statement *parse_block(struct parser *parser)
{
	struct statement *first = NULL, **last = &first;
	while (!at(parser, "end") && !at(parser, "except") && !at(parser, "finally")) {
		struct statement *statement = parser->now;
		advance(parser);
		parse_statement(parser, statement);
		*last = statement;
		last = &statement->next;
	}
	return first;
}

static void parse_body(struct parser *parser, enum body_kind kind, struct table *table,
		       const char *name)
{
	struct body *body = arena_take(&parser->program->arena, sizeof(*body));
	parser->kind = kind;
	body->first = parse_block(parser);
	if (!at(parser, "end"))
		fault(parser->line, "not in a try", parser->now->words[0]);
	advance(parser);
	table_set(table, &parser->program->arena, name, body);
}

/* Whether it is an option or the head of a body; then it is done with. */
static bool parse_head(struct parser *parser, const struct statement *head)
{
	struct program *program = parser->program;
	const char *word = head->words[0];
	if (strcmp(word, "run") == 0)
		program->runs = true;
	else if (strcmp(word, "report") == 0)
		program->reports = true;
	else if (strcmp(word, "task") == 0)
		parse_body(parser, TASK, &program->tasks, argument(head));
	else if (strcmp(word, "generator") == 0)
		parse_body(parser, GENERATOR, &program->generators, argument(head));
	else if (strcmp(word, "agenerator") == 0)
		parse_body(parser, ASYNC_GENERATOR, &program->async_generators, argument(head));
	else
		return false;
	return true;
}

void program_parse(struct program *program, char *text)
{
	*program = (struct program){0};
	struct parser parser = {.program = program, .rest = text};
	struct statement **last = &program->declarations;
	advance(&parser);
	while (parser.now) {
		struct statement *head = parser.now;
		advance(&parser);
		if (!parse_head(&parser, head)) {
			argument(head);
			*last = head;
			last = &head->next;
		}
	}
	if (!table_get(&program->tasks, "main"))
		fault(parser.line, "there is no task", "main");
}
