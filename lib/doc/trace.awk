# SPDX-License-Identifier: MIT
#
# Draws a trace that CORO_TRACE has made, as SVG: a row for each task, and time from left to right.
#
#   awk -f lib/doc/trace.awk trace.json >trace.svg
#
# It reads the lines that lib/debug/trace_event.c writes, not any JSON. It is for pictures of short runs:
# events by the thousand are for Perfetto.
#
#   -v title=TEXT    stands above
#   -v from=US to=US draws this part of the time

BEGIN { loops = placed = row_count = slices = arrows = counts = instants = 0 }

# The text or number of "key": in the line.
function value(key,	at, rest) {
	at = index($0, "\"" key "\":")
	if (!at)
		return ""
	rest = substr($0, at + length(key) + 3)
	if (substr(rest, 1, 1) != "\"") {
		match(rest, /^[-0-9.]+/)
		return substr(rest, 1, RLENGTH)
	}
	rest = substr(rest, 2)
	match(rest, /^([^"\\]|\\.)*/)
	rest = substr(rest, 1, RLENGTH)
	gsub(/\\"/, "\"", rest)
	gsub(/\\\\/, "\\", rest)
	return rest
}

function escape(text) {
	gsub(/&/, "\\&amp;", text)
	gsub(/</, "\\&lt;", text)
	gsub(/>/, "\\&gt;", text)
	gsub(/"/, "\\&quot;", text)
	return text
}

# The row of a name on a track; in order of its first event.
function row(track, name) {
	if (!((track, name) in rows)) {
		rows[track, name] = row_count + 0
		row_name[row_count] = name
		row_track[row_count++] = track
		if (track + 0 > loops)
			loops = track + 0
	}
	return rows[track, name]
}

function base(path) {
	sub(/.*\//, "", path)
	return path
}

/^\{"ph":"X"/ {
	n = slices++
	start[n] = value("ts") + 0
	end[n] = start[n] + value("dur")
	if (from != "" && end[n] < from || to != "" && start[n] > to) {
		slices--
		next
	}
	category[n] = value("cat")
	track[n] = value("tid")
	at_row[n] = row(track[n], category[n] == "call" ? "callbacks" : value("name"))
	does[n] = value("then")
	site = value("site")
	if (site != "")
		row_site[at_row[n]] = base(site)
	if (first == "" || start[n] < first)
		first = start[n]
	if (end[n] > last)
		last = end[n]
}

/^\{"ph":"s"/ { begin_at[value("id")] = value("ts") + 0; begin_track[value("id")] = value("tid") }
/^\{"ph":"f"/ { arrow[arrows++] = value("id"); end_at[value("id")] = value("ts") + 0 }
/^\{"ph":"C"/ {
	if (value("tid") == 1) {
		count_at[counts] = value("ts") + 0
		ready[counts] = value("ready") + 0
		alive[counts++] = value("tasks") + 0
	}
}
/^\{"ph":"i"/ {
	if (value("cat") == "end" || value("cat") == "cancel") {
		instant_at[instants] = value("ts") + 0
		instant_cat[instants] = value("cat")
		name = value("name")
		sub(/^[a-z]* /, "", name)
		instant_row[instants++] = value("tid") SUBSEP name
	}
}

function x(time) {
	return left + (time - first) * scale
}

function y(r) {
	return top + place[r] * height
}

function text(at_x, at_y, class, what) {
	printf "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", at_x, at_y, class, escape(what)
}

function bar(class, r, t0, t1, thick, tip,	wide) {
	wide = x(t1) - x(t0)
	if (wide < 1)
		wide = 1
	printf "<rect class=\"%s\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\"><title>%s</title></rect>\n",
		class, x(t0), y(r) + (height - thick) / 2, wide, thick, escape(tip)
}

function duration(us) {
	return us >= 1000 ? sprintf("%.6g ms", us / 1000) : sprintf("%.6g us", us)
}

# The slice on a track, the innermost, that includes a time; -1 for none.
function slice_at(which, time,	i, found) {
	found = -1
	for (i = 0; i < slices; i++)
		if (track[i] == which && start[i] <= time && time < end[i] && (found < 0 || start[i] >= start[found]))
			found = i
	return found
}

# A round number of us, of which some eight fit the time.
function tick(span,	unit) {
	for (unit = 1; unit * 8 < span; unit *= 10)
		if (unit * 16 >= span)
			return unit * 2
		else if (unit * 40 >= span)
			return unit * 5
	return unit
}

function style() {
	print "<style>"
	print "text { font: 11px sans-serif; fill: #222 }"
	print ".title { font: bold 14px sans-serif } .site, .tick, .what { font-size: 10px; fill: #666 } .what { fill: #555; stroke: #fff; stroke-width: 3px; paint-order: stroke }"
	print ".task { fill: #3b7dd8 } .call { fill: #8a63c2 } .poll { fill: #9aa3ad }"
	print ".waits { fill: #d9dee4 } .ready { fill: #f2b84b } .alive { fill: #d6e6d0 } .count { fill: #e58f2a }"
	print ".grid { stroke: #e6e6e6 } .track { stroke: #999 } .arrow { stroke: #c0392b; fill: none; opacity: 0.75 }"
	print ".head { fill: #c0392b } .cancel { stroke: #c0392b; stroke-width: 2 } .end { fill: #222 }"
	print "</style>"
}

function legend(at_y,	at_x, i, n, item, part, said) {
	n = split("task:a step of a task|ready:ready: woken, and waits for its turn|waits:waits|call:a callback|poll:the loop polls or waits", item, "|")
	at_x = left
	for (i = 1; i <= n; i++) {
		split(item[i], part, ":")
		printf "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"14\" height=\"10\"/>\n", part[1], at_x, at_y - 9
		said = substr(item[i], length(part[1]) + 2)
		text(at_x + 19, at_y, "", said)
		at_x += 36 + length(said) * 5.6
	}
	at_x = left
	printf "<path class=\"arrow\" d=\"M%d,%d h20\" marker-end=\"url(#head)\"/>\n", at_x, at_y + 14
	text(at_x + 28, at_y + 18, "", "wakes or spawns")
	printf "<circle class=\"end\" cx=\"%d\" cy=\"%d\" r=\"3\"/>\n", at_x + 134, at_y + 14
	text(at_x + 142, at_y + 18, "", "the task ends")
}

function axis(	unit, time, at_x) {
	unit = tick(last - first)
	for (time = 0; time <= last - first; time += unit) {
		at_x = x(first + time)
		printf "<path class=\"grid\" d=\"M%.1f,%d V%d\"/>\n", at_x, top - 4, bottom
		printf "<text x=\"%.1f\" y=\"%d\" class=\"tick\" text-anchor=\"middle\">%s</text>\n", at_x, top - 8, duration(time)
	}
}

# Keeps a text, to be written over the arrows.
function label(at_x, at_y, what) {
	label_x[labels + 0] = at_x
	label_y[labels + 0] = at_y
	label_text[labels++] = what
}

# What a task does between its steps: it waits until the arrow to its next step begins, and is ready from then.
function draw_waits(	i, r, woken, what) {
	for (i = 0; i < slices; i++) {
		r = at_row[i]
		if (category[i] != "task")
			continue
		if (r in before) {
			woken = (track[i], start[i]) in woken_at ? woken_at[track[i], start[i]] : \
				does[before[r]] == "ready" ? end[before[r]] : start[i]
			if (woken < end[before[r]])
				woken = end[before[r]]
			bar("waits", r, end[before[r]], woken, 6, does[before[r]])
			what = does[before[r]]
			sub(/^waits in /, "", what)
			if (x(woken) - x(end[before[r]]) > length(what) * 5.2 + 6 && what != "ready")
				label(x(end[before[r]]) + 3, y(r) + height - 2.5, what)
			if (x(start[i]) - x(woken) > 0.3)
				bar("ready", r, woken, start[i], 6, "ready")
		} else if ((track[i], start[i]) in woken_at) {
			bar("ready", r, woken_at[track[i], start[i]], start[i], 6, "spawned, ready")
		}
		before[r] = i
	}
}

function draw_arrows(	i, id, s, f, x0, y0, x1, y1) {
	for (i = 0; i < arrows; i++) {
		id = arrow[i]
		if (!(id in begin_at))
			continue
		s = slice_at(begin_track[id], begin_at[id])
		f = slice_at(begin_track[id], end_at[id])
		if (s < 0 || f < 0)
			continue
		x0 = x(begin_at[id])
		x1 = x(end_at[id])
		y0 = y(at_row[s]) + height / 2
		y1 = y(at_row[f]) + height / 2 + (at_row[f] > at_row[s] ? -7 : 7)
		printf "<path class=\"arrow\" d=\"M%.1f,%.1f C%.1f,%.1f %.1f,%.1f %.1f,%.1f\" marker-end=\"url(#head)\"/>\n",
			x0, y0, x0 + 4, y1, x1, y0, x1, y1
	}
}

function draw_counts(	i, most, till, tall, floor) {
	if (counts == 0)
		return
	tall = 40
	floor = bottom + 22 + tall
	for (i = 0; i < counts; i++)
		if (alive[i] > most)
			most = alive[i]
	if (most == 0)
		return
	for (i = 0; i < counts; i++) {
		if (count_at[i] > last || i + 1 < counts && count_at[i + 1] <= first)
			continue
		if (count_at[i] < first)
			count_at[i] = first
		till = i + 1 < counts && count_at[i + 1] < last ? count_at[i + 1] : last
		area("alive", count_at[i], till, floor, alive[i] * tall / most)
		area("count", count_at[i], till, floor, ready[i] * tall / most)
	}
	text(8, floor - tall + 12, "", "tasks" (loops > 1 ? " of loop 1" : "") ", up to " most)
	text(8, floor - tall + 26, "site", "green: alive, orange: ready")
	printf "<path class=\"track\" d=\"M%d,%d H%d\"/>\n", left, floor, width - 16
}

function area(class, t0, t1, floor, tall) {
	printf "<rect class=\"%s\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\"/>\n", class, x(t0), floor - tall, x(t1) - x(t0), tall
}

END {
	if (slices == 0) {
		print "trace.awk: there are no slices" >"/dev/stderr"
		exit 1
	}
	width = 1000
	left = 190
	height = 26
	top = 58
	bottom = top + row_count * height
	for (i = 1; i <= loops; i++) # the rows of one loop stand together
		for (r = 0; r < row_count; r++)
			if (row_track[r] == i)
				place[r] = placed++ + 0
	scale = (width - left - 16) / (last > first ? last - first : 1)
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
		width, bottom + 112, width, bottom + 112
	style()
	print "<defs><marker id=\"head\" viewBox=\"0 0 6 6\" refX=\"5\" refY=\"3\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\"><path class=\"head\" d=\"M0,0 L6,3 L0,6 z\"/></marker></defs>"
	printf "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, bottom + 112
	text(8, 20, "title", title == "" ? "A trace" : title)
	axis()
	for (r = 0; r < row_count; r++) {
		text(8, y(r) + (r in row_site ? 11 : 16), "", row_name[r] (loops > 1 ? " (loop " row_track[r] ")" : ""))
		if (r in row_site)
			text(8, y(r) + 22, "site", row_site[r])
		printf "<path class=\"grid\" d=\"M8,%d H%d\"/>\n", y(r) + height, width - 16
	}
	for (i = 0; i < arrows; i++)
		if (arrow[i] in begin_at)
			woken_at[begin_track[arrow[i]], end_at[arrow[i]]] = begin_at[arrow[i]]
	draw_waits()
	for (i = 0; i < slices; i++)
		bar(category[i], at_row[i], start[i], end[i], 14, row_name[at_row[i]] ", " duration(end[i] - start[i]) (does[i] == "" ? "" : ", " does[i]))
	draw_arrows()
	for (i = 0; i < labels; i++)
		text(label_x[i], label_y[i], "what", label_text[i])
	for (i = 0; i < instants; i++)
		if (instant_row[i] in rows && instant_cat[i] == "end" && instant_at[i] <= last)
			printf "<circle class=\"end\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", x(instant_at[i]), y(rows[instant_row[i]]) + height / 2
	draw_counts()
	legend(bottom + 84)
	print "</svg>"
}
