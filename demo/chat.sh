# SPDX-License-Identifier: MIT
serve chat 127.0.0.1:0

# Each says something, waits for an answer, and goes on.
ada() {
	echo ada
	until_in ada.txt 'hello, ada'
	echo 'hello, bob'
	until_in ada.txt leaves
}

bob() {
	until_in ada.txt welcome
	echo bob
	until_in bob.txt 'ada is here'
	echo 'hello, ada'
	until_in bob.txt 'hello, bob'
}

ada | netcat "$address" >ada.txt &
bob | netcat "$address" >bob.txt
wait $!

echo "ada sees:"
cat ada.txt
echo "bob sees:"
cat bob.txt
