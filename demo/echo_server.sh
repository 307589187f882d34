# SPDX-License-Identifier: MIT
serve echo_server 127.0.0.1:0
netcat "$address" <<end
hello
one
two
three
end

serve echo_server --threads 2 127.0.0.1:0
for number in 1 2 3 4; do
	echo "client $number" | netcat "$address"
done
