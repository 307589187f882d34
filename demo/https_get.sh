# SPDX-License-Identifier: MIT
certificate >localhost.pem
serve https_server 127.0.0.1:0 localhost.pem

export SSL_CERT_FILE=localhost.pem
https_get "https://localhost:${address##*:}/"
https_get "https://$address/" || echo 'the certificate is not for 127.0.0.1'

export SSL_CERT_FILE=/dev/null
https_get "https://localhost:${address##*:}/" || echo 'the certificate is not trusted'
