# SPDX-License-Identifier: MIT
certificate >localhost.pem
serve https_server 127.0.0.1:0 localhost.pem

export SSL_CERT_FILE=localhost.pem
https_get "https://localhost:${address##*:}/"
https_get "https://localhost:${address##*:}/nothing"
