# SPDX-License-Identifier: MIT
# With Redis itself: REDIS=HOST:PORT test/try demo/redis_client.sh
[ -n "${REDIS:-}" ] || serve resp_server 127.0.0.1:0
address=${REDIS:-$address}

redis_client "$address" SET greeting 'Hello, world!'
redis_client "$address" GET greeting

# All commands are sent at once.
redis_client "$address" <<end
DEL fruit count
SET fruit apple EX 100
GET fruit
GET nothing
INCR count
INCR count
INCR fruit
MGET count fruit nothing
KEYS nothing*
end
