// A chat server as the gorilla/websocket chat example builds one: a goroutine for the hub, and
// two pumps for each client. Redis numbers, keeps and publishes the messages.
package main

import (
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: gorilla PORT REDIS_PORT")
	}
	store, err := newStore("127.0.0.1:" + os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	hub := newHub(store)
	go hub.run()
	http.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) { serve(hub, w, r) })
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, nil))
}
