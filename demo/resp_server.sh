# SPDX-License-Identifier: MIT
serve resp_server 127.0.0.1:0

# As a person types, and once as programs do; the last one is malformed.
printf '%b' >commands \
	'PING\r\n' \
	'*3\r\n$3\r\nSET\r\n$5\r\nfruit\r\n$5\r\napple\r\n' \
	'GET fruit\r\nGET nothing\r\n' \
	'INCR count\r\nINCR count\r\nINCRBY count 40\r\nDECR count\r\n' \
	'INCR fruit\r\n' \
	'SET short life EX 100\r\nTTL short\r\nTTL fruit\r\nTTL nothing\r\n' \
	'EXPIRE fruit 0\r\nGET fruit\r\n' \
	'MGET count short nothing\r\n' \
	'KEYS c*\r\n' \
	'DEL count short nothing\r\nDBSIZE\r\n' \
	'SING\r\n' \
	'*1\r\n$x\r\n'
netcat "$address" <commands | tr -d '\r'
