# SPDX-License-Identifier: MIT
#
# Reads debug/offsets.h and prints the table's version, then its fields in order, a line each: a name and bytes.
{
	text = text " " $0
}

# What is left of a member's declaration, "uint32_t next_loop", without its type.
function last_word(declaration,	words, n) {
	n = split(declaration, words, " ")
	return words[n]
}

END {
	match(text, /DEBUG_VERSION = [0-9]+/)
	print "DEBUG_VERSION", substr(text, RSTART + 16, RLENGTH - 16)
	gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", text)
	sub(/.*struct debug_offsets *\{/, "", text)
	count = split(text, parts, ";")
	for (i = 1; i <= count; i++) {
		part = parts[i]
		if (part ~ /\{/) {
			begun = lines
			sub(/.*\{/, "", part)
		}
		if (part ~ /\}/) {
			group = last_word(part)
			if (group == "}")
				break
			for (j = begun + 1; j <= lines; j++)
				name[j] = group "." name[j]
			continue
		}
		if (part !~ /[a-z]/)
			continue
		lines++
		name[lines] = last_word(part)
		bytes[lines] = part ~ /uint64_t/ ? 8 : part ~ /uint32_t/ ? 4 : 0
		if (name[lines] ~ /\[16\]/) {
			sub(/\[16\]/, "", name[lines])
			bytes[lines] = 16
		}
	}
	for (i = 1; i <= lines; i++)
		print name[i], bytes[i]
}
