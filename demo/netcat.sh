# SPDX-License-Identifier: MIT
serve http_server 127.0.0.1:0
printf 'GET / HTTP/1.0\r\n\r\n' | netcat "$address" | tr -d '\r'
netcat 127.0.0.1:1 </dev/null || echo 'no server'
