// SPDX-License-Identifier: Apache-2.0

// usage: told ADDRESS PORT
//
// A server without a C library: Go makes its system calls itself. It answers over TCP and UDP with the peer's address
// and port, as realip.py does.
package main

import (
	"fmt"
	"net"
	"os"
)

func line(ip net.IP, port int) []byte { return []byte(fmt.Sprintf("%s %d\n", ip, port)) }

func datagrams(address string) {
	local, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		panic(err)
	}
	socket, err := net.ListenUDP("udp", local)
	if err != nil {
		panic(err)
	}
	buffer := make([]byte, 65536)
	for {
		_, peer, err := socket.ReadFromUDP(buffer)
		if err == nil {
			socket.WriteToUDP(line(peer.IP, peer.Port), peer)
		}
	}
}

func main() {
	address := net.JoinHostPort(os.Args[1], os.Args[2])
	go datagrams(address)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			continue
		}
		go func() {
			defer connection.Close()
			connection.Read(make([]byte, 4096))
			peer := connection.RemoteAddr().(*net.TCPAddr)
			connection.Write(line(peer.IP, peer.Port))
		}()
	}
}
