# SPDX-License-Identifier: MIT
serve echo_server 127.0.0.1:0
serve tcp_proxy 127.0.0.1:0 "$address"
echo 'by way of the proxy' | netcat "$address"

serve http_server 127.0.0.1:0
serve tcp_proxy 127.0.0.1:0 "$address"
printf 'GET /count/3 HTTP/1.0\r\n\r\n' | netcat "$address" | tr -d '\r'
