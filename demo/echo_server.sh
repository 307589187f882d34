# SPDX-License-Identifier: MIT
serve echo_server 127.0.0.1:0
netcat "$address" <<end
hello
one
two
three
end
