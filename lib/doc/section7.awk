# SPDX-License-Identifier: MIT
#
# Makes sections 1 and 7 of the manual of the pages that are written by hand:
#
#   awk -f mdoc.awk -f section7.awk -v out=DIR -v os=NAME lib/doc/*.[17]
#
# In these, `.\" include FILE` stands for the text of a file, and `.\" include FILE NAME` for one function or
# struct of it. Files are named from the top of the tree.

function complain(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
	wrong = 1
}

FNR == 1 {
	if (page)
		close(page)
	page = FILENAME
	sub(/.*\//, "", page)
	page = out "/man" substr(page, length(page)) "/" page
}

/^\.\\" include / {
	literal(source($3, $4))
	next
}

/^\.Os$/ {
	$0 = ".Os " os
}

{
	print > page
}

END {
	exit wrong
}
