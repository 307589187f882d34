# SPDX-License-Identifier: MIT
serve http_server 127.0.0.1:0
url=http://$address
parallel_fetch "$url/count/9" "$url/count/1000" "$url/" "$url/nothing" https://x.example/ "$url/" |
	sed "s/$address/SERVER/"
