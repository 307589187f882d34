# SPDX-License-Identifier: MIT
serve metrics 127.0.0.1:0

get() {
	printf 'GET %s HTTP/1.1\r\nHost: x\r\n\r\n' "$1" | netcat "$address" | tr -d '\r'
}
get /nothing
get /metrics >first
get /metrics >second

# The numbers differ from machine to machine, but counters grow.
sed -e '/^coro/s/ [0-9]*$/ N/' first
for name in coro_steps_total coro_tasks_ended_total; do
	before=$(sed -n "s/^$name //p" first)
	after=$(sed -n "s/^$name //p" second)
	[ "$after" -gt "$before" ] && echo "$name grows"
done
[ "$(sed -n 's/^coro_tasks //p' second)" -ge 3 ] && echo 'at least three tasks'
