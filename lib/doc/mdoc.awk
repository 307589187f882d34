# SPDX-License-Identifier: MIT
#
# What both kinds of pages are made with: mdoc from plain text and from C. Used with headers.awk or section7.awk.

# ---- characters ----

# Text as roff's input, wherever it stands in a line.
function escape(text) {
	gsub(/\\/, "\\e", text)
	return text
}

# C as it is typed: what typographers would improve stays ASCII.
function escape_code(text) {
	text = escape(text)
	gsub(/-/, "\\-", text)
	gsub(/\^/, "\\(ha", text)
	gsub(/~/, "\\(ti", text)
	gsub(/`/, "\\(ga", text)
	gsub(/'/, "\\(aq", text)
	return text
}

# One argument of a macro.
function quote(text) {
	gsub(/"/, "\\(dq", text)
	return "\"" text "\""
}

# ---- blocks ----

# Lines as they stand, in the pages' indentation of code: 4 columns.
function literal(lines,    i, n, line, part) {
	print ".Bd -literal" > page
	n = split(lines, part, "\n")
	while (n > 0 && part[n] ~ /^[ \t]*$/)
		n--
	for (i = 1; i <= n; i++) {
		line = part[i]
		while (match(line, /\t/))
			line = substr(line, 1, RSTART - 1) substr("    ", 1 + (RSTART - 1) % 4) substr(line, RSTART + 1)
		line = escape_code(line)
		print (line ~ /^\./ ? "\\&" : "") line > page
	}
	print ".Ed" > page
}

# A long line of output, in several.
function fold(line,    text, at) {
	while (length(line) > 78) {
		for (at = 78; at > 1 && substr(line, at, 1) != " "; at--)
			;
		if (at == 1)
			break
		text = text substr(line, 1, at - 1) "\n"
		line = "        " substr(line, at + 1)
	}
	return text line
}

# A file. Of one in C: without the licence and the comment at its head; with a name, the function or struct of
# that name alone.
function source(path, name,    line, text, inside) {
	while ((getline line < path) > 0) {
		if (path !~ /\.[ch]$/)
			text = text fold(line) "\n"
		else if (name != "") {
			if (!inside && line ~ ("^[a-z].*[ *]" name "([^a-z_0-9;]|$)") && line !~ /;$/)
				inside = 1
			if (inside)
				text = text line "\n"
			if (inside && line ~ /^[}]/)
				break
		} else if (text == "" && (line ~ /SPDX/ || inside || line ~ /^\/\*/ || line == "")) {
			inside = line ~ /^\/\*|^ \*/ && line !~ /\*\/$/
		} else
			text = text line "\n"
	}
	close(path)
	if (text == "")
		complain(path " has no " (name == "" ? "text" : name))
	return text
}
