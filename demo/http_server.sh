# SPDX-License-Identifier: MIT
mkdir root
echo '<p>A page.</p>' >root/index.html
serve http_server --threads 2 127.0.0.1:0 root

# Several requests in one connection, some of them one right after another.
printf '%b' >requests \
	'GET / HTTP/1.1\r\nHost: x\r\n\r\n' \
	'GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n' \
	'GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n' \
	'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n' \
	'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nword\n' \
	'POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nchunk\n\r\n0\r\n\r\n' \
	'GET /count/2 HTTP/1.1\r\nHost: x\r\n\r\n' \
	'GET /../secret HTTP/1.1\r\nHost: x\r\n\r\n'
netcat "$address" <requests | tr -d '\r'
