# SPDX-License-Identifier: MIT
"""Mutants of C functions: each is a function with one small fault.

A mutant is made by an operator at the n-th place in the function where it applies:

    true, false   a condition always or never holds (true: not a loop's)
    without       an operand of && or || is gone, or what is added or subtracted
    edge          < is <=, <= is <, > is >=, >= is >
    turned        < is >, <= is >=, > is <, >= is <=
    also          == holds for one more of the enum's values, or for all errors
    count         a number is one more; SIZE_MAX is 1
    not           a true that is handed on is false, a false true
    step          ++ and -- inside an expression count nothing; |=, += and the like are =
    once          a loop's body runs once at most
    drop          a statement (a call, an assignment, a jump) is gone
    zero          what is returned, or put into a struct by a call, is 0
    front         what is put at the end of a list or ring comes first, or the other way round;
                  a list is gone through from its end

Left out is what only returns an error, -EINVAL or another call's: `if (r < 0) return r;`.

All mutants are in one text, each behind PLANTED(its number), so that they are compiled once.
"""

import os
import re

TOKEN = re.compile(r"""
    (?P<skip>\s+ | //[^\n]* | /\*.*?\*/ | ^[ \t]*\#(?:\\\n|[^\n])*)
  | (?P<string>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*')
  | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<sign><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)
""", re.VERBOSE | re.DOTALL | re.MULTILINE)

TYPES = set("struct union enum const volatile unsigned signed int char bool long short void float double static "
            "extern register typeof __typeof__ _Bool _Atomic".split())
PRECEDENCE = {sign: level for level, signs in enumerate(
    ["||", "&&", "|", "^", "&", "== !=", "< <= > >=", "<< >>", "+ -", "* / %"]) for sign in signs.split()}
ASSIGN = set("= += -= *= /= %= &= |= ^= <<= >>=".split())
EDGE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
OTHER_END = {"ring_push_front": "ring_push", "list_prepend": "list_append"}


class NotC(Exception):
    """What is no C, or more of it than is understood here."""


class Token:
    def __init__(self, match):
        self.kind, self.text = match.lastgroup, match[0]
        self.start, self.end = match.span()


def tokens(text):
    return [Token(match) for match in TOKEN.finditer(text) if match.lastgroup != "skip"]


class Node:
    """An expression: its place, its operator or kind, its operands."""

    def __init__(self, kind, start, end, *parts):
        self.kind, self.start, self.end, self.parts = kind, start, end, parts


class Mutant:
    """One fault: texts to be put in before and after parts of the function."""

    def __init__(self, operator, start, *edits):
        self.operator, self.start, self.edits = operator, start, edits


class Function:
    """A function's body, and the mutants that can be made of it."""

    def __init__(self, source, name, returns, first, last):
        self.source, self.name, self.returns = source, name, returns
        self.first, self.last = first, last     # the indices of the body's braces
        self.made = None

    def mutants(self, enums, structs):
        """All of them, by label: an operator and a number."""
        if self.made is None:
            parser = Parser(self, enums, structs)
            parser.block()
            self.made, counts = {}, {}
            for mutant in sorted(parser.mutants, key=lambda it: it.start):
                counts[mutant.operator] = counts.get(mutant.operator, 0) + 1
                self.made[f"{mutant.operator}{counts[mutant.operator]}"] = mutant
        return self.made


class Source:
    """A C file and its functions by name."""

    def __init__(self, path, text):
        self.path, self.text, self.tokens = path, text, tokens(text)
        self.functions, self.enums = {}, []
        at, begin = 0, 0
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.text == "{":
                end = self.match(at)
                self.outer(begin, at, end)
                at = begin = end
            elif token.text == ";":
                begin = at
            at += 1

    def match(self, at):
        """The index of the bracket that closes the one there."""
        depth = 0
        for i in range(at, len(self.tokens)):
            depth += self.tokens[i].text in ("(", "[", "{")
            depth -= self.tokens[i].text in (")", "]", "}")
            if depth == 0 and self.tokens[i].kind == "sign":
                return i
        raise NotC("a bracket is not closed")

    def outer(self, begin, at, end):
        """Notes the function or the enum whose braces these are."""
        head = [token.text for token in self.tokens[begin:at]]
        if "enum" in head and "(" not in head:
            inside = self.tokens[at + 1:end]
            self.enums.append([token.text for i, token in enumerate(inside)
                               if token.kind == "name" and (i == 0 or inside[i - 1].text == ",")])
        elif "(" in head and "=" not in head and head[-1] == ")":
            name = self.name_of(head)
            self.functions[head[name]] = Function(self, head[name], head[:name], at, end)

    @staticmethod
    def name_of(head):
        """The index of the name before the last brackets of a function's head, which are its parameters."""
        depth = 0
        for i in range(len(head) - 1, 0, -1):
            depth += (head[i] == ")") - (head[i] == "(")
            if depth == 0:
                return i - 1
        raise NotC("a bracket is not closed")


class Parser:
    """Reads a function's body and notes its mutants on the way."""

    def __init__(self, function, enums, structs):
        self.source, self.function, self.tokens = function.source, function, function.source.tokens
        self.enums, self.structs = enums, structs
        self.at, self.mutants = function.first, []

    # -- tokens

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead].text

    def kind(self, ahead=0):
        return self.tokens[self.at + ahead].kind

    @property
    def start(self):
        return self.tokens[self.at].start

    @property
    def end(self):
        """Where the token before ends."""
        return self.tokens[self.at - 1].end

    def take(self, text=None):
        if text is not None and self.peek() != text:
            raise NotC(f"{self.function.name}: {self.peek()!r} is there, and not {text!r}")
        self.at += 1
        return self.tokens[self.at - 1].text

    def skip_brackets(self):
        self.at = self.source.match(self.at) + 1

    def text(self, node):
        return self.source.text[node.start:node.end]

    # -- mutants

    def mutant(self, operator, node, before, after):
        """Puts that in around an expression; @ is the mutant's number."""
        self.mutants.append(Mutant(operator, node.start, (node.start, node.end, before, after)))

    def replace(self, operator, node, text):
        self.mutant(operator, node, f"(PLANTED(@) ? {text} : (", "))")

    def condition(self, node, loop=False):
        for operator, value in (("true", 1), ("false", 0)):
            if not (loop and value):
                self.mutant(operator, node, f"(PLANTED(@) ? {value} : !!(", "))")

    def loop(self, start, end, node):
        """A loop's condition; None if it has none."""
        if node:
            self.condition(node, loop=True)
            self.mutants.append(Mutant("once", start, (start, end, "{ int once@ = 0; ", " }"),
                                       (node.start, node.end, "(!(PLANTED(@) && once@++) && (", "))")))

    # -- statements

    def block(self):
        self.take("{")
        while self.peek() != "}":
            self.statement()
        self.take("}")

    def statement(self):
        start, word = self.start, self.peek()
        if word == "{":
            self.block()
        elif word in ("if", "while", "switch"):
            self.take()
            noted = len(self.mutants)
            condition = self.in_brackets()
            if word == "if":
                self.condition(condition)
            begin = self.start
            self.statement()
            if word == "if" and self.hands_on(self.text(condition), self.source.text[begin:self.end]):
                del self.mutants[noted:]
            if word == "while":
                self.loop(start, self.end, condition)
            if word == "if" and self.peek() == "else":
                self.take()
                self.statement()
        elif word == "for":
            self.for_loop()
        elif word == "do":
            self.take()
            self.statement()
            self.take("while")
            self.condition(self.in_brackets(), loop=True)
            self.take(";")
        elif word == "return":
            self.take()
            noted = len(self.mutants)
            if self.peek() != ";":
                self.returned(self.expression())
            if self.source.text[start:self.end] == "return 0":
                del self.mutants[noted:]
            self.take(";")
        elif word in ("break", "continue", "goto"):
            while self.take() != ";":
                pass
            self.dropped(start)
        elif word in ("case", "default"):
            while self.take() != ":":
                pass
        elif self.kind() == "name" and self.peek(1) == ":":
            self.at += 2
        elif word == ";":
            self.take()
        elif word in TYPES or self.kind() == "name" and (
                self.kind(1) == "name" or self.peek(1) == "*" and self.kind(2) == "name"):
            self.declaration()
        elif self.kind() == "name" and self.peek(1) == "(" and self.begins_statement(
                self.source.match(self.at + 1) + 1):
            loop = self.take()  # a macro
            if loop == "list_for_each":
                self.mutants.append(Mutant("front", start, (start, start, "planted_", ""),
                                           (self.start + 1, self.start + 1, "@, ", "")))
            self.skip_brackets()
            begin = self.start
            self.statement()
            self.mutants.append(Mutant("once", start, (begin, self.end, "{ ", " if (PLANTED(@)) break; }")))
        else:
            self.expression()
            self.take(";")
            self.dropped(start)

    @staticmethod
    def hands_on(condition, statement):
        """Whether it only returns an error: of misuse, or of another call."""
        error = re.fullmatch(r"return (\w+);", statement)
        return re.match(r"return fail_with\(-EINVAL,", statement) or (
            error and condition in (f"{error[1]} < 0", f"unlikely({error[1]} < 0)"))

    def begins_statement(self, at):
        return self.tokens[at].kind == "name" or self.tokens[at].text == "{"

    def dropped(self, start):
        self.mutants.append(Mutant("drop", start, (start, self.end, "{ if (!PLANTED(@)) ", " }")))

    def for_loop(self):
        start = self.start
        self.take()
        self.take("(")
        if self.peek() == ";":
            self.take()
        elif self.peek() in TYPES or self.kind(1) == "name":
            self.declaration()
        else:
            self.expression()
            self.take(";")
        condition = None if self.peek() == ";" else self.expression()
        self.take(";")
        if self.peek() != ")":
            self.expression()
        self.take(")")
        self.statement()
        self.loop(start, self.end, condition)

    def declaration(self):
        constant = self.peek() in ("static", "enum")    # what is in there the compiler must know
        noted = len(self.mutants)
        while self.peek() != ";":
            if self.peek() == "=":
                self.take()
                if self.peek() == "{":
                    self.initializer()
                else:
                    self.assignment()
            elif self.peek() in ("[", "(", "{"):
                self.skip_brackets()
            else:
                self.take()
        self.take(";")
        if constant:
            del self.mutants[noted:]

    def initializer(self):
        self.take("{")
        while self.peek() != "}":
            named = self.peek() in (".", "[")
            while named and self.take() != "=":
                pass
            if self.peek() == "{":
                self.initializer()
            else:
                node = self.assignment()
                if named and node.kind == "call" and self.text(node.parts[0]) not in self.structs:
                    self.replace("zero", node, "0")
            if self.peek() == ",":
                self.take()
        self.take("}")

    def returned(self, node):
        if node.kind in EDGE or node.kind in ("==", "!=", "&&", "||", "!") or (
                "bool" in self.function.returns and node.kind not in ("true", "false")):
            self.condition(node)
        elif node.kind not in ("0", "NULL") and self.scalar(self.function.returns) and node.kind not in ("true", "false", "?"):
            self.replace("zero", node, "0")

    @staticmethod
    def scalar(returns):
        return "*" in returns or ("struct" not in returns and "void" not in returns)

    # -- expressions

    def in_brackets(self):
        self.take("(")
        node = self.expression()
        self.take(")")
        return node

    def expression(self):
        node = self.assignment()
        while self.peek() == ",":
            self.take()
            node = Node(",", node.start, self.assignment().end)
        return node

    def assignment(self):
        node = self.ternary()
        if self.peek() in ASSIGN:
            sign = self.take()
            value = self.assignment()
            whole = Node("assign", node.start, value.end)
            if sign != "=":
                self.replace("step", whole, f"({self.text(node)} = {self.text(value)})")
            return whole
        return node

    def ternary(self):
        node = self.binary(0)
        if self.peek() != "?":
            return node
        self.take()
        self.condition(node)
        self.expression()
        self.take(":")
        return Node("?", node.start, self.ternary().end)

    def binary(self, level):
        node = self.unary()
        while PRECEDENCE.get(self.peek(), -1) >= level:
            sign = self.take()
            right = self.binary(PRECEDENCE[sign] + 1)
            chain = [*node.parts, right] if node.kind == sign and sign in ("&&", "||") else [node, right]
            node = Node(sign, node.start, right.end, *chain)
            if sign not in ("&&", "||"):
                self.operation(node)
        if node.kind in ("&&", "||"):
            self.chain(node)
        return node

    def chain(self, node):
        for gone in node.parts:
            left = f" {node.kind} ".join(f"({self.text(part)})" for part in node.parts if part is not gone)
            self.replace("without", node, f"!!({left})")

    def operation(self, node):
        left, right = node.parts
        a, b, whole = self.text(left), self.text(right), self.text(node)
        if node.kind in EDGE:
            self.replace("edge", node, f"({a}) {EDGE[node.kind]} ({b})")
            self.replace("turned", node, f"({a}) {TURNED[node.kind]} ({b})")
        elif node.kind in ("+", "-"):
            self.replace("without", node, f"(__typeof__({whole}))({a})")
        elif node.kind in ("==", "!="):
            if b.startswith("-E"):
                self.replace("also", node, f"({a}) {'<' if node.kind == '==' else '>='} 0")
            for other in self.enums.get(b, ()):
                self.replace("also", node, f"({whole}) {'||' if node.kind == '==' else '&&'} ({a}) {node.kind} {other}")

    def unary(self):
        start, sign = self.start, self.peek()
        if sign in ("!", "~", "-", "+", "*", "&", "++", "--"):
            self.take()
            node = self.unary()
            whole = Node("number" if sign == "-" and node.kind == "number" else sign, start, node.end)
            if sign in ("++", "--"):
                self.stepped(whole, node)
            return whole
        if sign == "sizeof":
            self.take()
            if self.peek() == "(":
                self.skip_brackets()
            else:
                self.unary()
            return Node("sizeof", start, self.end)
        if sign == "(" and self.is_cast():
            self.skip_brackets()
            if self.peek() == "{":
                self.initializer()
                return self.postfix(Node("literal", start, self.end))
            return Node("cast", start, self.unary().end)
        return self.postfix(self.primary())

    def is_cast(self):
        close = self.source.match(self.at)
        inside = self.tokens[self.at + 1:close]
        return inside[0].text in TYPES or inside[-1].text == "*" or (
            all(token.kind == "name" for token in inside) and (
                inside[-1].text.endswith("_t") or self.tokens[close + 1].text == "{"))

    def stepped(self, whole, node):
        """A ++ or -- that is part of more than itself."""
        alone = self.peek() == ";" and self.source.text[:whole.start].rstrip()[-1:] in ";{})"
        if not alone and not (self.peek() == ")" and self.source.text[:whole.start].rstrip()[-1:] == ";"):
            self.replace("step", whole, self.text(node))

    def primary(self):
        start, word, kind = self.start, self.peek(), self.kind()
        if word == "(":
            self.take()
            self.expression()
            self.take(")")
            return Node("brackets", start, self.end)
        if word in TYPES or kind not in ("name", "number", "string"):
            raise NotC(f"{self.function.name}: {word!r} begins no expression")
        self.take()
        node = Node(word if word in ("0", "NULL", "true", "false") else kind, start, self.end)
        if kind == "string":
            while self.kind() == "string" or self.kind() == "name":    # PRIu64 and the like
                self.take()
            node.end = self.end
        elif word == "SIZE_MAX":
            self.replace("count", node, "1")
        elif re.fullmatch(r"\d+", word):
            self.replace("count", node, str(int(word) + 1))
        elif word in ("true", "false") and self.tokens[self.at - 2].text in ("return", ",", "(", "=") and not (
                self.tokens[self.at - 2].text == "=" and self.peek() == ";"):
            self.replace("not", node, f"!{word}")
        return node

    def postfix(self, node):
        while True:
            sign = self.peek()
            if sign == "(":
                node = self.call(node)
            elif sign == "[":
                self.take()
                self.expression()
                self.take("]")
                node = Node("index", node.start, self.end)
            elif sign in (".", "->"):
                self.at += 2
                node = Node("member", node.start, self.end)
            elif sign in ("++", "--"):
                self.take()
                whole = Node("after", node.start, self.end)
                self.stepped(whole, node)
                node = whole
            else:
                return node

    def call(self, called):
        self.take("(")
        arguments = []
        while self.peek() != ")":
            arguments.append(self.argument())
            if self.peek() == ",":
                self.take()
        self.take(")")
        node, name = Node("call", called.start, self.end, called), self.text(called)
        if name == "list_append":
            self.replace("front", arguments[0], f"({self.text(arguments[0])})->next")
        elif name in OTHER_END:
            self.replace("front", node, OTHER_END[name] + self.source.text[called.end:node.end])
        return node

    def argument(self):
        """An argument, which may be a type."""
        at, noted, start = self.at, len(self.mutants), self.start
        try:
            node = self.assignment()
            if self.peek() in (",", ")"):
                return node
        except NotC:
            pass
        self.at = at
        del self.mutants[noted:]
        while self.peek() not in (",", ")"):
            if self.peek() in ("(", "[", "{"):
                self.skip_brackets()
            else:
                self.take()
        return Node("type", start, self.end)


class Library:
    """Files, by path and text, and what is in them."""

    def __init__(self, files):
        self.sources = {path: Source(path, text) for path, text in files.items()}
        self.enums, self.structs = {}, set()
        for source in self.sources.values():
            for values in source.enums:
                if len(values) > 2:
                    self.enums.update((value, [it for it in values if it != value]) for value in values)
            self.structs.update(name for name, function in source.functions.items()
                                if not Parser.scalar(function.returns))

    def find(self, name):
        """The function of that name; FILE:NAME where several files, without their endings, have one."""
        file, _, function = name.rpartition(":")
        found = [source.functions[function] for path, source in self.sources.items()
                 if function in source.functions and (not file or path.rsplit(".", 1)[0].endswith("/" + file))]
        if len(found) != 1:
            raise LookupError(f"{name}: there are {len(found)} functions of that name, and not one: " +
                              " ".join(it.source.path for it in found))
        return found[0]

    def mutants(self, function):
        return function.mutants(self.enums, self.structs)


def plant(source, mutants):
    """The source's text with mutants in it, given with their numbers."""
    opens, closes = [], []
    for order, (number, mutant) in enumerate(mutants):
        for edit, (start, end, before, after) in enumerate(mutant.edits):
            opens.append((start, -end, order, edit, before.replace("@", str(number))))
            closes.append((end, -start, -order, -edit, after.replace("@", str(number))))
    pieces, at = [], 0
    inserts = [(key[0], 1, key[1:4], key[4]) for key in opens] + [(key[0], 0, key[1:4], key[4]) for key in closes]
    for place, _, _, text in sorted(inserts):
        pieces += [source.text[at:place], text]
        at = place
    return "".join(pieces) + source.text[at:]


PLANTED_H = """
#ifndef __ASSEMBLER__
extern int planted __attribute__((visibility("hidden")));
#define PLANTED(number) __builtin_expect(planted == (number), 0)
#define planted_list_for_each(number, node, head)                                \\
	for (struct list *node = PLANTED(number) ? (head)->prev : (head)->next; \\
	     node != (head); node = PLANTED(number) ? node->prev : node->next)
#endif
"""
PLANTED_C = """
#include <stdlib.h>
int planted;
__attribute__((constructor)) static void plant(void)
{
	const char *number = getenv("PLANTED");
	planted = number ? atoi(number) : 0;
}
"""


def read_library(tree):
    """All sources of the library in a tree."""
    files = {}
    for folder, _, names in os.walk(os.path.join(tree, "lib")):
        for name in names:
            if name.endswith((".c", ".h")):
                with open(os.path.join(folder, name)) as file:
                    files[os.path.relpath(file.name, tree)] = file.read()
    return Library(files)


def plant_all(tree, planted):
    """Plants mutants in a copy of the tree they were read from: numbers, functions and mutants."""
    by_source = {}
    for number, function, mutant in planted:
        by_source.setdefault(function.source, []).append((number, mutant))
    for source, inside in by_source.items():
        with open(os.path.join(tree, source.path), "w") as file:
            file.write(plant(source, inside))
    for name, text in (("planted.h", PLANTED_H), ("planted.c", PLANTED_C)):
        with open(os.path.join(tree, "lib/base", name), "w") as file:
            file.write(text)


def line_of(function, mutant):
    """The path, number and text of the line where a mutant is."""
    text = function.source.text
    begin = text.rfind("\n", 0, mutant.start) + 1
    return function.source.path, text.count("\n", 0, begin) + 1, text[begin:].splitlines()[0].strip()
