# SPDX-License-Identifier: MIT
command -v redis-server >/dev/null || { echo 'redis-server is missing'; exit 77; }

# On the next port if one is taken.
port=$((12000 + $$ % 9000 * 2))
until grep -qs 'Ready to accept' redis.log; do
	if [ -z "$servers" ] || ! kill -0 "$servers" 2>/dev/null; then
		port=$((port + 1))
		redis-server --port $port --bind 127.0.0.1 --save '' >redis.log 2>&1 &
		servers=$!
	fi
	sleep 0.1
done

# Two processes work, with four tasks each.
search="127.0.0.1:$port 100000000000 600"
# shellcheck disable=SC2086
{
	prime_cluster work $search 4 >first &
	first=$!
	prime_cluster work $search 4 >second &
	second=$!
	prime_cluster search $search
}
wait "$first"
wait "$second"
cat first second >>both
sed -n 's/^tried [0-9]* numbers.*/a worker ends/p' both
