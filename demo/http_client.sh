# SPDX-License-Identifier: MIT
mkdir root
echo 'A page of a known length.' >root/page.txt
serve http_server 127.0.0.1:0 root

http_client "http://$address/page.txt" # with a length
http_client "http://$address/count/5"  # in chunks

serve tcp_proxy 127.0.0.1:0 127.0.0.1:1 # nobody listens there
http_client "http://$address/" || echo 'no answer'
