# SPDX-License-Identifier: MIT
#
# Makes mdoc of the text of comments: paragraphs, lists and examples, with the names in them marked.

# The blocks of a comment, one after another: block[n] and its sort[n], of
#   prose     flush left
#   code      behind a tab
#   list      indented; each term is an error code or the like, and its text stands two columns further
#   points    indented, and each begins with a dash
#   drawing   indented otherwise
function split_blocks(text,    n, i, part, count, line, kind) {
	blocks = 0
	count = split(text, part, "\n")
	kind = ""
	for (i = 1; i <= count; i++) {
		line = part[i]
		if (line ~ /^[ \t]*$/) {
			if (kind == "prose")
				kind = ""
			else if (kind != "")
				block[blocks] = block[blocks] "\n"
			continue
		}
		if (kind_of(line) != kind) {
			kind = kind_of(line)
			block[++blocks] = line
			sort[blocks] = kind
		} else
			block[blocks] = block[blocks] "\n" line
	}
	for (i = 1; i <= blocks; i++)
		if (sort[i] == "indented")
			sort[i] = kind_of_block(block[i])
}

function kind_of(line) {
	return line ~ /^\t/ ? "code" : line ~ /^ / ? "indented" : "prose"
}

function kind_of_block(text,    i, n, part, indent, points, terms) {
	n = split(text, part, "\n")
	match(part[1], /^ */)
	indent = RLENGTH
	points = terms = 1
	for (i = 1; i <= n; i++) {
		if (part[i] == "")
			continue
		match(part[i], /^ */)
		if (RLENGTH < indent)
			points = terms = 0
		if (RLENGTH > indent)
			continue
		if (part[i] !~ /^ *- /)
			points = 0
		if (part[i] !~ /^ *(<|>|>=|<=)? ?-?[A-Z0-9][A-Z0-9_]*(, -?[A-Z0-9_]+)*  +[^ ]/ && part[i] !~ /^ *"[^"]*"(  +|$)/)
			terms = 0
	}
	return points ? "points" : terms ? "list" : "drawing"
}

# For each entry of a list: term[n] and its meaning[n].
function split_list(text,    i, n, part, indent, line, at) {
	terms = 0
	n = split(text, part, "\n")
	match(part[1], /^ */)
	indent = RLENGTH
	for (i = 1; i <= n; i++) {
		line = part[i]
		match(line, /^ */)
		if (line != "" && RLENGTH == indent) {
			line = substr(line, indent + 1)
			at = match(line, /  /)
			term[++terms] = at ? substr(line, 1, at - 1) : line
			meaning[terms] = at ? squeeze(substr(line, at)) : ""
		} else
			meaning[terms] = squeeze(meaning[terms] " " line)
	}
}

function flush_line() {
	if (text_line != "")
		print text_line > page
	text_line = ""
}

function put_word(word, ends) {
	word = escape(word)
	if (text_line == "" && word ~ /^[.']/)
		word = "\\&" word
	if (length(text_line) + length(word) > 76)
		flush_line()
	text_line = text_line (text_line == "" ? "" : " ") word
	if (ends)
		flush_line()
}

# A macro's line: what stands before the name, and behind it, belongs to it.
function put_macro(macro, before, after,    line, marks) {
	flush_line()
	line = "." (before == "" ? "" : "No " quote("\\&" escape(before)) " Ns ") macro
	if (after ~ /^[.,;:!?)]+$/) {
		marks = after
		gsub(/./, " &", marks)
		line = line marks
	} else if (after != "")
		line = line " Ns " quote(escape(after))
	print line > page
}

function prose(text,    words, n, i, word, before, name, after, span) {
	text_line = ""
	# Spaces inside of backticks hold.
	span = split(text, words, /`/)
	text = ""
	for (i = 1; i <= span; i++) {
		if (i % 2 == 0) {
			gsub(/[ \n]/, "\001", words[i])
			text = text "`" words[i] "`"
		} else
			text = text words[i]
	}
	n = split(text, words, /[ \n]+/)
	for (i = 1; i <= n; i++) {
		word = words[i]
		if (word == "")
			continue
		if (match(word, /`[^`]*`/)) {
			before = substr(word, 1, RSTART - 1)
			name = substr(word, RSTART + 1, RLENGTH - 2)
			after = substr(word, RSTART + RLENGTH)
			gsub(/\001/, " ", name)
			put_macro("Ql " quote(escape_code(name) (name ~ /[.,;:!?)]$/ ? "\\&" : "")), before, after)
		} else if (match(word, /coro\/[a-z_]+\.h/) && has_page(substr(word, RSTART + 5, RLENGTH - 7))) {
			before = substr(word, 1, RSTART - 1)
			name = substr(word, RSTART + 5, RLENGTH - 7)
			after = substr(word, RSTART + RLENGTH)
			sees["coro-" name " 3"] = 1
			put_macro("Xr coro-" name " 3", before, after)
		} else if (match(word, /coro_[a-z0-9_]*[a-z0-9]|CORO_[A-Z0-9_]*[A-Z0-9]|-E[A-Z][A-Z0-9]*|NULL|[a-z_][a-z_0-9]*\([1-8]?\)/)) {
			before = substr(word, 1, RSTART - 1)
			name = substr(word, RSTART, RLENGTH)
			after = substr(word, RSTART + RLENGTH)
			if (name ~ /^coro_/)
				sub(/\(\)$/, "", name)
			if (before ~ /[A-Za-z0-9_\/]$/ || after ~ /^[A-Za-z0-9_\/=(]/ || name ~ /^coro_/ && !(name in owner))
				put_word(word, word ~ /[.?!][)"]*$/)
			else
				put_macro(reference(name), before, after)
		} else if (word in parameter && words[i - 1] !~ /^(an?|the|its|their|this|that|these|each|every|no|any|of|another|same|own|his|two|more|with|without)$/) {
			put_macro("Fa " word, "", "")
		} else
			put_word(word, word ~ /[.?!][)"]*$/)
	}
	flush_line()
}

function has_page(name) {
	return name != header && name in head
}

function reference(name) {
	if (sub(/\(\)$/, "", name))
		return "Fn " name
	if (name ~ /\(/) {
		sub(/\(/, " ", name)
		sub(/\)/, "", name)
		sees[name] = 1
		return "Xr " name
	}
	if (name ~ /^-/)
		return "Er \\" name
	if (!(name in owner) || name == "NULL")
		return "Dv " name
	if (owner[name] != header)
		sees["coro-" owner[name] " 3"] = 1
	if (name == "coro")
		return "Vt \"struct coro\""
	if (owner[name] != header)
		return "Xr " name " 3"
	return (kinds[name] ~ /function|wrapper|macro|behind/ ? "Fn " : kinds[name] ~ /constant|enumerator/ ? "Dv " : "Vt ") name
}

# Blocks from and up to; the first paragraph follows what is there without a break.
function put_blocks(from, to,    i, n, k) {
	for (i = from; i <= to; i++) {
		if (sort[i] == "prose") {
			if (i > from)
				print ".Pp" > page
			prose(block[i])
		} else if (sort[i] == "list")
			put_list(block[i])
		else if (sort[i] == "points")
			put_points(block[i])
		else {
			n = block[i]
			gsub(/^   ?|^\t/, "", n)
			gsub(/\n(   ?|\t)/, "\n", n)
			literal(n)
		}
	}
}

function put_list(text,    i) {
	split_list(text)
	print ".Bl -tag -width \\-EDEADLK" > page
	for (i = 1; i <= terms; i++) {
		print ".It " term_of(term[i]) > page
		prose(meaning[i])
	}
	print ".El" > page
}

function term_of(text,    part, n, i, line) {
	n = split(text, part, ", ")
	for (i = 1; i <= n; i++)
		line = line (i > 1 ? " , " : "") (part[i] ~ /^-?[A-Z]/ ? reference(part[i]) : "Li " quote(escape_code(part[i])))
	return line
}

function put_points(text,    i, n, part, point) {
	print ".Pp\n.Bl -dash -compact" > page
	n = split(text "\n - ", part, "\n")
	point = ""
	for (i = 1; i <= n; i++) {
		if (sub(/^ *- /, "", part[i]) && i > 1) {
			print ".It" > page
			prose(point)
			point = ""
		}
		point = squeeze(point " " part[i])
	}
	print ".El" > page
}
