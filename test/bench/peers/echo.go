// SPDX-License-Identifier: MIT

// Echo by Go, for test/bench/echo: fd 0 is the listening socket. On one core it runs one goroutine at a time.
package main

import (
	"net"
	"os"
)

func echo(connection net.Conn) {
	defer connection.Close()
	bytes := make([]byte, 1024)
	for {
		n, err := connection.Read(bytes)
		if err != nil {
			return
		}
		if _, err = connection.Write(bytes[:n]); err != nil {
			return
		}
	}
}

func main() {
	listening, err := net.FileListener(os.Stdin)
	for err == nil {
		var connection net.Conn
		if connection, err = listening.Accept(); err == nil {
			go echo(connection)
		}
	}
	os.Exit(1)
}
