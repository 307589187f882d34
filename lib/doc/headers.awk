# SPDX-License-Identifier: MIT
#
# Reads the public headers. A header becomes items, each with the comment that is about it:
#
#   items[header]             how many
#   names[header, i]          what it declares
#   sorts[header, i]          function, wrapper (a macro that adds the place of the call), macro, constant,
#                             struct, enum, type
#   about[header, i]          the comment
#   under[header, i]          the title of the part that begins here, and intro[header, i] its text
#   member[header, i, k]      of structs and enums, with the comment told[header, i, k]
#   arguments[name]           of functions and the like; and result[name]; suspends, if it may wait
#   owner[name]               the header of each name
#
# What a header must look like is in README; where it looks otherwise, and check is set, there is a line about it
# on stderr, and the exit status is 1.

function complain(what) {
	if (!check)
		return
	printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
	wrong = 1
}

FILENAME ~ /examples$/ {
	if (/^[a-z]/) {
		example[$1] = $2
		if ((getline line < $2) < 0)
			complain("there is no " $2)
		close($2)
	}
	next
}

FNR == 1 {
	header = FILENAME
	sub(/.*\//, "", header)
	sub(/\.h$/, "", header)
	order[++headers] = header
	items[header] = depth = 0
	comment = heading = part_text = decl = ""
	state = "head"
}

# A directive with its continuation lines.
directive != "" || /^#/ {
	directive = directive $0
	if (sub(/\\$/, "", directive))
		next
	if (directive ~ /^#if/)
		depth++
	else if (directive ~ /^#endif/)
		depth--
	else if (directive ~ /^#define/ && depth == 1)
		define(directive)
	if (directive !~ /^#define/ || depth > 1)
		comment = ""
	directive = ""
	next
}

# A comment that begins a line of its own, outside of any declaration.
decl == "" && (state == "comment" || /^\/\*/) {
	if (state != "comment") {
		at_head = state == "head"
		comment = ""
	}
	text = $0
	state = text ~ /\*\/[ \t]*$/ ? "" : "comment"
	sub(/[ \t]*\*\/[ \t]*$/, "", text)
	sub(/^(\/\*| \*) ?/, "", text)
	comment = comment (comment == "" ? "" : "\n") text
	if (state == "")
		end_comment()
	next
}

/^$/ && decl == "" {
	if (comment != "" && !at_head)
		begin_part()
	comment = ""
	group = 0
	next
}

/^CORO_(BEGIN_DECLS|END_DECLS|STATIC_ASSERT)/ {
	comment = ""
	next
}

# Declarations end with a semicolon outside of all braces.
{
	decl = decl (decl == "" ? "" : "\n") $0
	bare = without_comments(decl)
	if (bare ~ /;[ \t]*$/ && gsub(/[{]/, "{", bare) == gsub(/[}]/, "}", bare)) {
		declare(decl)
		decl = ""
	}
}

function end_comment() {
	gsub(/^\n+|[ \n]+$/, "", comment)
	if (comment ~ /SPDX/) {
		state = "head"
		comment = ""
	} else if (at_head) {
		head[header] = comment
		comment = ""
		at_head = 0
	} else if (comment ~ /^--+ /) {
		sub(/^--+ /, "", comment)
		sub(/ -+$/, "", comment)
		heading = part_text = comment
		sub(/\. .*|\.$/, "", heading)
		if (!sub(/^[^.]*\. */, "", part_text))
			part_text = ""
		comment = ""
	}
}

# A comment that stands alone begins a part of the page, whose title is what comes before its colon, unless
# there is a heading already.
function begin_part() {
	if (heading == "" && match(comment, /^[^:.]*:/))
		heading = substr(comment, 1, RLENGTH - 1)
	if (heading == "")
		complain("the comment above belongs to nothing, and has no title")
	part_text = comment
}

function without_comments(text,    at, rest) {
	while ((at = index(text, "/*")) > 0) {
		rest = substr(text, at + 2)
		text = substr(text, 1, at - 1) (index(rest, "*/") ? substr(rest, index(rest, "*/") + 2) : "")
	}
	return text
}

function squeeze(text) {
	gsub(/[ \t\n]+/, " ", text)
	sub(/^ /, "", text)
	sub(/^ /, "", text)
	sub(/ $/, "", text)
	gsub(/\* /, "*", text)
	return text
}

# A new item, by the comment above, or one more declaration that the last comment is about.
function item(kind, name,    i) {
	if (comment == "" && (!group || kind ~ /function|wrapper|macro|struct|type/)) {
		if (name !~ /^-/)
			complain(name " has no comment of its own")
		comment = "."
	}
	if (comment != "") {
		i = ++items[header]
		about[header, i] = comment
		under[header, i] = heading
		intro[header, i] = part_text
		check_comment(name)
		heading = part_text = ""
	}
	i = items[header]
	names[header, i] = names[header, i] " " name
	sorts[header, i] = kind
	if (name in owner && kinds[name] == kind && !(name in forward))
		complain(name " is declared again")
	owner[name] = header
	if (kinds[name] != "function") # of which a struct may have the name
		kinds[name] = kind
	group = comment != "" || group
	comment = ""
}

function check_comment(name) {
	if (comment == ".")
		return
	if (name !~ /^-/ && comment !~ /^["`(]?[A-Z0-9a-z]/)
		complain("the comment on " name " does not begin with a sentence")
	if (comment !~ /[.:;)]$/ && comment !~ /\n *[^ ]+  /)
		complain("the comment on " name " does not end with a full stop")
}

# ---- macros ----

function define(text,    name, params, body, words) {
	words = ""
	if (match(text, /\/\*.*\*\//)) {
		words = substr(text, RSTART + 2, RLENGTH - 4)
		text = substr(text, 1, RSTART - 1) substr(text, RSTART + RLENGTH)
	}
	sub(/^#define[ \t]+/, "", text)
	match(text, /^[A-Za-z0-9_]+/)
	name = substr(text, 1, RLENGTH)
	text = substr(text, RLENGTH + 1)
	# An include guard, or what is for other macros only.
	if (name == "CORO_" toupper(header) "_H" || name ~ /_$/) {
		comment = ""
		return
	}
	if (text ~ /^\(/) {
		params = substr(text, 2, index(text, ")") - 2)
		body = squeeze(substr(text, index(text, ")") + 1))
		if (body ~ /^coro_[a-z_0-9]+\( ?CORO_HERE, [a-z, ]*__VA_ARGS__ ?\)$/) {
			item("wrapper", name)
			sub(/\(.*/, "", body)
			behind[body] = name
			shown[name] = params == "..." ? squeeze(words) : "by name"
			shown_at[name] = FILENAME ":" FNR
			return
		}
		item("macro", name)
		if (params == "...") {
			params = squeeze(words)
			gsub(/^\(|\)$/, "", params)
		}
		arguments[name] = params
		return
	}
	if (comment == "" && words != "")
		comment = squeeze(words)
	item("constant", name)
}

# ---- declarations ----

function declare(text,    bare, name) {
	bare = squeeze(without_comments(text))
	if (bare ~ /^(struct|enum) *[a-z_0-9]*;$/) {
		name = bare
		gsub(/^(struct|enum) |;/, "", name)
		if (comment != "" || !(name in owner)) {
			if (comment == "")
				silent(name)
			else
				item("struct", name)
		}
		forward[name] = 1
	} else if (bare ~ /^(struct|enum)[ a-z_0-9]*[{]/)
		composite(text, bare)
	else if (bare ~ /^typedef/)
		function_type(bare)
	else if (bare ~ /\(/)
		prototype(bare)
	else
		complain("neither a function nor a type: " bare)
}

# A type that is only named: its page is that of the header that says so first.
function silent(name) {
	kinds[name] = "struct"
	forward[name] = 1
	if (!(name in owner)) {
		owner[name] = header
		opaque[header] = opaque[header] " " name
	}
}

function composite(text, bare,    kind, name, body, i) {
	kind = bare ~ /^struct/ ? "struct" : "enum"
	name = bare
	sub(/ *[{].*/, "", name)
	sub(/^(struct|enum) */, "", name)
	if (name != "" || kind == "enum")
		item(kind, name == "" ? "-" header "-enum" FNR : name)
	i = items[header]
	body = substr(text, index(text, "{") + 1)
	sub(/[}][^}]*$/, "", body)
	members(i, kind, body)
}

# Splits the inside of braces into members, each with the comment before it or behind it on its line.
function members(i, kind, body,    separator, words, code, at, end, trailing, part) {
	separator = kind == "struct" ? ";" : ","
	code = words = ""
	while (body != "") {
		if (substr(body, 1, 2) == "/*") {
			end = index(body, "*/")
			part = substr(body, 3, end - 3)
			gsub(/\n[ \t]*\* ?/, "\n", part)
			if (trailing)
				told[header, i, member_count[header, i]] = part
			else
				words = part
			body = substr(body, end + 2)
			continue
		}
		at = substr(body, 1, 1)
		body = substr(body, 2)
		if (at == "\n")
			trailing = 0
		if (at == separator) {
			add_member(i, kind, squeeze(code), words)
			code = words = ""
			trailing = 1
		} else {
			code = code at
			if (at !~ /[ \t\n]/)
				trailing = 0
			if (kind == "enum" && squeeze(code) != "" && (at == "\n" || substr(body, 1, 2) == "/*")) {
				# The last one, without a comma.
				add_member(i, kind, squeeze(code), words)
				code = words = ""
				trailing = at != "\n"
			}
		}
	}
	if (kind == "enum" && squeeze(code) != "")
		add_member(i, kind, squeeze(code), words)
}

function add_member(i, kind, code, words,    n, name) {
	n = ++member_count[header, i]
	member[header, i, n] = code
	told[header, i, n] = words
	if (kind == "enum") {
		name = code
		sub(/ *=.*/, "", name)
		member[header, i, n] = name
		kinds[name] = "enumerator"
		owner[name] = header
		enumerators[header] = enumerators[header] " " name
	}
}

function function_type(bare,    name) {
	if (!match(bare, /[a-z_0-9]+\(/)) {
		complain("a typedef of no function")
		return
	}
	name = substr(bare, RSTART, RLENGTH - 1)
	item("type", name)
	result[name] = squeeze(substr(bare, 1, RSTART - 1))
	arguments[name] = inside_parentheses(substr(bare, RSTART + RLENGTH - 1))
}

function inside_parentheses(text,    i, level, c) {
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		level += (c == "(") - (c == ")")
		if (level == 0)
			return substr(text, 2, i - 2)
	}
}

function prototype(bare,    name, waits) {
	waits = sub(/coro_async /, "", bare)
	sub(/CORO_MUST_CHECK /, "", bare)
	if (!sub(/CORO_API /, "", bare))
		return
	sub(/ CORO_PRINTF\([^)]*\)/, "", bare)
	match(bare, /[a-z_0-9]+\(/)
	name = substr(bare, RSTART, RLENGTH - 1)
	result[name] = squeeze(substr(bare, 1, RSTART - 1))
	arguments[name] = inside_parentheses(substr(bare, RSTART + RLENGTH - 1))
	if (name in behind) {
		if (comment != "The function behind " behind[name] ".")
			complain("the comment on " name " is not: The function behind " behind[name] ".")
		comment = ""
		name_behind(name, waits)
		return
	}
	item("function", name)
	if (waits)
		suspends[name] = 1
}

# What the macro over it looks like: the same without the place of the call.
function name_behind(name, waits,    macro, parameters) {
	macro = behind[name]
	parameters = arguments[name]
	if (!sub(/^ ?const char \*site(, |$)/, "", parameters))
		complain(name " does not begin with const char *site")
	result[macro] = result[name]
	arguments[macro] = parameters
	if (waits)
		suspends[macro] = 1
	owner[name] = header
	kinds[name] = "behind"
	behinds[header] = behinds[header] " " name
	if (check && shown[macro] != "(" parameters ")" && shown[macro] != "by name") {
		printf "%s: %s shows %s, and is (%s)\n", shown_at[macro], macro, shown[macro], parameters > "/dev/stderr"
		wrong = 1
	}
}
