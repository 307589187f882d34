# SPDX-License-Identifier: MIT
#
# Makes section 3 of the manual: a page for each header, and an alias for each name that it declares.
#
#   awk -f mdoc.awk -f headers.awk -f text.awk -f section3.awk \
#           -v out=DIR -v date=DATE -v os=NAME examples include/coro/*.h
#
# The first file is a table of examples.

function prototype_macro(name,    params, n, i, level, c, one, line) {
	line = ".Fn " name
	params = arguments[name]
	one = ""
	for (i = 1; i <= length(params); i++) {
		c = substr(params, i, 1)
		level += (c == "(") - (c == ")")
		if (c == "," && level == 0) {
			line = line " " quote(escape(squeeze(one)))
			one = ""
		} else
			one = one c
	}
	if (one != "")
		line = line " " quote(escape(squeeze(one)))
	return line
}

function first_sentence(text,    at) {
	sub(/\n\n.*/, "", text)
	text = squeeze(text)
	if ((at = index(text, ". ")) > 0)
		text = substr(text, 1, at - 1)
	if ((at = index(text, "; ")) > 0)
		text = substr(text, 1, at - 1)
	sub(/[.:]$/, "", text)
	if (text ~ /^[A-Z][a-z ]/)
		text = tolower(substr(text, 1, 1)) substr(text, 2)
	return text
}

# Puts the parameters' names of an item into parameter[].
function know_parameters(i,    n, k, name, j, m, params, word) {
	for (word in parameter)
		delete parameter[word]
	n = split(names[header, i], name, " ")
	for (k = 1; k <= n; k++) {
		m = split(arguments[name[k]], params, /[^a-z_0-9A-Z]+/)
		for (j = 1; j <= m; j++)
			if (params[j] != "" && params[j] !~ /^(const|void|int|char|struct|unsigned)$/ && params[j] !~ /_t$/ && !(params[j] in owner))
				parameter[params[j]] = 1
	}
}

function forget_parameters(    word) {
	for (word in parameter)
		delete parameter[word]
}

# Leaves in block[] those blocks of an item's comment that describe it, or those that tell its results: what begins
# with "Returns", up to the end of its paragraph, and the list behind that. If a comment begins with that and has no
# list, all of it is the description. The sentence that names a model, "Like read(2).", is the end of the description.
function item_blocks(i, wanted,    k, n, at, text, model, place, described, kept, kept_sort, places) {
	split_blocks(about[header, i])
	place = "description"
	for (k = 1; k <= blocks; k++) {
		text = block[k]
		if (sort[k] == "prose") {
			place = "description"
			text = " " squeeze(text)
			if (k == blocks && (at = model_at(text)) > 0) {
				model = substr(text, at + 1)
				text = substr(text, 1, at - 1)
			}
			if ((at = results_at(text)) > 1) {
				kept[++n] = squeeze(substr(text, 1, at - 1))
				kept_sort[n] = "prose"
				places[n] = "description"
				described = 1
			}
			if (at > 0)
				place = "results"
			text = squeeze(at > 0 ? substr(text, at) : text)
		}
		if (text != "") {
			kept[++n] = text
			kept_sort[n] = sort[k]
			places[n] = place
			described = described || place == "description"
		}
	}
	if (places[1] == "results" && kept_sort[2] != "list")
		described = 0
	blocks = 0
	for (k = 1; k <= n; k++)
		if ((described ? places[k] : "description") == wanted) {
			block[++blocks] = kept[k]
			sort[blocks] = kept_sort[k]
		}
	if (model != "" && wanted == "description")
		if (sort[blocks] == "prose")
			block[blocks] = block[blocks] " " model
		else {
			block[++blocks] = model
			sort[blocks] = "prose"
		}
}

# Where the sentence on the results begins in a paragraph, 0 if there is none.
function results_at(text,    at) {
	at = index(text, " Returns ")
	return at > 1 && substr(text, at - 1, 1) !~ /[.)]/ ? 0 : at
}

# Where the last sentence begins, if that begins with "Like".
function model_at(text,    at, last) {
	for (last = 0; (at = index(substr(text, last + 1), " Like ")) > 0; last += at)
		;
	return last > 0 && substr(text, last + 1) !~ /[.] / ? last : 0
}

function page_of(i,    k, n, name, list) {
	n = split(names[header, i], name, " ")
	for (k = 1; k <= n; k++)
		if (name[k] !~ /^-/)
			list = list " " name[k]
	return list
}

function describe(i,    n, k, name) {
	if (under[header, i] != "") {
		if (in_list)
			print ".El" > page
		print ".Ss " capital(squeeze(under[header, i])) > page
		in_list = 0
		split_blocks(intro[header, i])
		put_blocks(1, blocks)
	}
	if (!in_list) {
		print ".Bl -tag -width Ds" > page
		in_list = 1
	}
	n = split(names[header, i], name, " ")
	for (k = 1; k <= n; k++) {
		if (name[k] ~ /^-/)
			print ".It Vt enum" > page
		else if (sorts[header, i] ~ /struct|enum/)
			print ".It Vt " quote(sorts[header, i] " " name[k]) > page
		else if (sorts[header, i] == "type")
			print ".It Vt " quote(result[name[k]] " " name[k] "(" arguments[name[k]] ")") > page
		else if (sorts[header, i] == "constant")
			print ".It Dv " name[k] > page
		else
			print ".It Fn" prototype_names(name[k]) > page
	}
	know_parameters(i)
	if (about[header, i] != ".") {
		item_blocks(i, "description")
		put_blocks(1, blocks)
	}
	if (member_count[header, i] > 0)
		put_members(i)
	forget_parameters()
}

# .It Fn with the names of the parameters alone; the synopsis has their types.
function prototype_names(name,    params, n, i, part, line) {
	params = arguments[name]
	while (match(params, /\([^()]*\)/)) # of pointers to functions
		if (substr(params, RSTART, 2) == "(*" || substr(params, RSTART, 2) == "( ")
			params = substr(params, 1, RSTART - 1) substr(params, RSTART + 1, RLENGTH - 2) substr(params, RSTART + RLENGTH)
		else
			params = substr(params, 1, RSTART - 1) substr(params, RSTART + RLENGTH)
	line = " " name
	n = split(params, part, ",")
	for (i = 1; i <= n; i++) {
		gsub(/[[][^]]*[]]/, "", part[i])
		sub(/ *$/, "", part[i])
		if (match(part[i], /[A-Za-z_0-9.]+$/))
			part[i] = substr(part[i], RSTART)
		if (part[i] != "" && part[i] != "void")
			line = line " " part[i]
	}
	return line
}

function put_members(i,    k) {
	if (about[header, i] ~ /fields are the library's/ || head[header] ~ /[Ff]ields are the( |\n)library's/)
		return
	print ".Bl -tag -width Ds" > page
	for (k = 1; k <= member_count[header, i]; k++) {
		if (told[header, i, k] ~ /the library's/)
			continue
		if (member[header, i, k] ~ /^[A-Z]/)
			print ".It Dv " member[header, i, k] > page
		else
			print ".It Va " quote(escape(member[header, i, k])) > page
		gsub(/^[ \t\n]+/, "", told[header, i, k])
		split_blocks(told[header, i, k])
		put_blocks(1, blocks)
	}
	print ".El" > page
}

function capital(text) {
	return toupper(substr(text, 1, 1)) substr(text, 2)
}

function synopsis(    i, k, n, name) {
	print ".Sh SYNOPSIS" > page
	print ".In " (header == "tls" ? "coro/tls.h" : "coro.h") > page
	for (i = 1; i <= items[header]; i++) {
		n = split(names[header, i], name, " ")
		for (k = 1; k <= n; k++) {
			if (sorts[header, i] ~ /function|wrapper/) {
				print ".Ft " quote((name[k] in suspends ? "coro_async " : "") result[name[k]]) > page
				print prototype_macro(name[k]) > page
			} else if (sorts[header, i] == "type") {
				print ".Ft " quote(result[name[k]]) > page
				print prototype_macro(name[k]) > page
			} else if (sorts[header, i] == "macro")
				print prototype_macro(name[k]) > page
		}
	}
}

function return_values(    i, k, n, name, any) {
	print ".Sh RETURN VALUES" > page
	print "Unless said otherwise, a call returns 0, or a negative error code: see\n.Xr coro-errors 7 ." > page
	for (i = 1; i <= items[header]; i++) {
		item_blocks(i, "results")
		if (blocks == 0)
			continue
		if (!any)
			print ".Bl -tag -width Ds" > page
		any = 1
		n = split(names[header, i], name, " ")
		for (k = 1; k <= n; k++)
			print ".It Fn " name[k] > page
		know_parameters(i)
		put_blocks(1, blocks)
		forget_parameters()
	}
	if (any)
		print ".El" > page
}

# The codes of all items: who returns each, and what it then means.
function note_code(code, i, text,    key) {
	if (!((header, code) in coded)) {
		coded[header, code] = 1
		codes = codes " " code
	}
	if (noted[header, code, i])
		return
	noted[header, code, i] = 1
	key = header SUBSEP code
	if (text == "")
		plain[key] = plain[key] names[header, i]
	else {
		meant[key, ++meanings[key]] = text
		meant_by[key, meanings[key]] = names[header, i]
	}
}

function note_codes_in(text, i,    name) {
	gsub(/`[^`]*`/, "", text)
	while (match(text, /-E[A-Z][A-Z0-9]*|CORO_(INCOMPLETE|UNTRUSTED|EXIT)/)) {
		name = substr(text, RSTART, RLENGTH)
		text = substr(text, RSTART + RLENGTH)
		note_code(name, i, "")
	}
}

function errors(    i, k, j, n, part, code, key, sorted, m) {
	codes = ""
	for (i = 1; i <= items[header]; i++) {
		if (sorts[header, i] !~ /function|wrapper/)
			continue
		split_blocks(about[header, i])
		for (k = 1; k <= blocks; k++) {
			if (sort[k] != "list")
				continue
			split_list(block[k])
			for (j = 1; j <= terms; j++) {
				n = split(term[j], part, ", ")
				for (m = 1; m <= n; m++)
					if (part[m] ~ /^-E|^CORO_/)
						note_code(part[m], i, meaning[j])
			}
		}
		item_blocks(i, "results")
		for (k = 1; k <= blocks; k++)
			note_codes_in(block[k], i)
		if (blocks == 0)
			note_codes_in(about[header, i], i)
	}
	if (codes == "")
		return
	print ".Sh ERRORS" > page
	print "A code without an explanation means what\n.Xr coro-errors 7\nsays." > page
	print ".Bl -tag -width \\-EDEADLK" > page
	n = split(codes, part, " ")
	sort_words(part, n)
	for (i = 1; i <= n; i++) {
		key = header SUBSEP part[i]
		print ".It " reference(part[i]) > page
		if (plain[key] != "")
			print fn_list(plain[key]) > page
		for (k = 1; k <= meanings[key]; k++) {
			if (k > 1 || plain[key] != "")
				print ".br" > page
			print fn_list(meant_by[key, k]) " :" > page
			prose(meant[key, k])
		}
	}
	print ".El" > page
}

function fn_list(list,    n, i, part, text) {
	n = split(list, part, " ")
	for (i = 1; i <= n; i++)
		text = text (i > 1 ? " ,\n" : "") ".Fn " part[i]
	return text
}

function sort_words(part, n,    i, j, word) {
	for (i = 2; i <= n; i++) {
		word = part[i]
		for (j = i - 1; j > 0 && part[j] > word; j--)
			part[j + 1] = part[j]
		part[j + 1] = word
	}
}

function behind_macros(    n, part) {
	n = split(behinds[header], part, " ")
	if (n == 0)
		return
	print ".Ss For other languages" > page
	prose("Some of the calls above are macros, since they pass the place of the call to a function that has it" \
		" as its first argument: a text as CORO_HERE makes it, or NULL. What is not C calls these functions:")
	print fn_list(behinds[header]) " ." > page
}

function see_also(    part, n, name, list, i) {
	print ".Sh SEE ALSO" > page
	delete sees["coro-" header " 3"]
	n = 0
	for (name in sees)
		part[++n] = substr(name, length(name)) substr(name, 1, length(name) - 2)
	part[++n] = "7coro"
	part[++n] = "7coro-errors"
	sort_words(part, n)
	for (i = 1; i <= n; i++)
		print ".Xr " substr(part[i], 2) " " substr(part[i], 1, 1) (i < n ? " ," : "") > page
	for (name in sees)
		delete sees[name]
}

function alias(name,    path) {
	path = out "/man3/" name ".3"
	print ".so man3/coro-" header ".3" > path
	close(path)
}

function write_page(    i, k, n, name, list) {
	page = out "/man3/coro-" header ".3"
	print ".\\\" Made from include/coro/" header ".h by lib/doc/manual." > page
	print ".Dd " date > page
	print ".Dt CORO-" toupper(header) " 3" > page
	print ".Os " os > page
	print ".Sh NAME" > page
	for (i = 1; i <= items[header]; i++)
		list = list page_of(i)
	list = list opaque[header] enumerators[header] behinds[header]
	n = split(list, name, " ")
	print ".Nm coro-" header (n ? " ," : "") > page
	for (i = 1; i <= n; i++) {
		if (name[i] == "coro") # coro(7)
			continue
		print ".Nm " name[i] (i < n ? " ," : "") > page
		alias(name[i])
	}
	print ".Nd " first_sentence(head[header]) > page
	print ".Sh LIBRARY" > page
	print "lib" (header == "tls" ? "coro-tls" : "coro") ", by\n.Ql pkg-config \\-\\-cflags \\-\\-libs " \
		(header == "tls" ? "coro\\-tls" : "coro") > page
	synopsis()
	print ".Sh DESCRIPTION" > page
	split_blocks(head[header])
	put_blocks(1, blocks)
	in_list = 0
	for (i = 1; i <= items[header]; i++)
		describe(i)
	if (in_list)
		print ".El" > page
	behind_macros()
	return_values()
	if (header in example) {
		print ".Sh EXAMPLES" > page
		literal(source(example[header], ""))
	}
	errors()
	see_also()
	close(page)
}

END {
	for (h = 1; h <= headers; h++) {
		header = order[h]
		write_page()
	}
	exit wrong
}
