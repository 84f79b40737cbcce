package main

import (
	"errors"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	frameBytes = 32768 // as confab's limit
	queue      = 256   // as in the example
	writeWait  = 10 * time.Second
	pongWait   = 60 * time.Second
	pingPeriod = pongWait * 9 / 10
)

var upgrader = websocket.Upgrader{
	ReadBufferSize: 1024,
	// The package's advice for many connections that write now and then.
	WriteBufferPool: &sync.Pool{},
	WriteBufferSize: 1024,
	Subprotocols:    []string{"confab.v1"},
	CheckOrigin:     func(*http.Request) bool { return true },
}

var joints = sync.Pool{New: func() interface{} { return new([]byte) }}

// One document; framed once for all who get it.
type document struct {
	text     []byte
	prepared *websocket.PreparedMessage
}

func newDocument(text []byte) *document {
	prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, text)
	if err != nil {
		panic(err)
	}
	return &document{text, prepared}
}

type client struct {
	hub  *hub
	conn *websocket.Conn
	send chan *document
	gone chan struct{} // closed when the write pump has ended
	// The hub's:
	user   string
	held   []string // channels
	closed bool
}

func serve(h *hub, w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &client{hub: h, conn: conn, send: make(chan *document, queue),
		gone: make(chan struct{})}
	go c.writePump()
	if query := r.URL.Query(); len(query) > 0 {
		f := &frame{Type: "hello", Username: query.Get("username"), Session: query.Get("session"),
			Resume: map[string]position{query.Get("room"): {}}}
		h.commands <- command{client: c, frame: f, err: f.check()}
	}
	go c.readPump()
}

func (c *client) readPump() {
	defer func() {
		c.hub.commands <- command{client: c, gone: true}
		c.conn.Close()
	}()
	c.conn.SetReadLimit(frameBytes)
	c.conn.SetReadDeadline(time.Now().Add(pongWait))
	c.conn.SetPongHandler(func(string) error {
		return c.conn.SetReadDeadline(time.Now().Add(pongWait))
	})
	for {
		kind, text, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		var f *frame
		if kind == websocket.TextMessage {
			f, err = parse(text)
		} else {
			err = errors.New("bad_json")
		}
		if err != nil || f.Type != "heartbeat" {
			c.hub.commands <- command{client: c, frame: f, err: err}
		}
	}
}

func (c *client) writePump() {
	ticker := time.NewTicker(pingPeriod)
	defer func() {
		ticker.Stop()
		close(c.gone)
		c.conn.Close()
	}()
	for {
		var err error
		select {
		case d, open := <-c.send:
			if !open {
				return
			}
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			err = c.write(d)
		case <-ticker.C:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			err = c.conn.WriteMessage(websocket.PingMessage, nil)
		}
		if err != nil {
			return
		}
	}
}

// As the example does it; GORILLA_JOIN=0 is one frame for each message.
var joins = os.Getenv("GORILLA_JOIN") != "0"

// What waits goes out in one frame, joined with newlines; one alone goes out as it was prepared.
func (c *client) write(d *document) error {
	waiting := len(c.send)
	if waiting == 0 || !joins {
		return c.conn.WritePreparedMessage(d.prepared)
	}
	joint := joints.Get().(*[]byte)
	text := append((*joint)[:0], d.text...)
	for ; waiting > 0; waiting-- {
		next, open := <-c.send
		if !open {
			break
		}
		text = append(append(text, '\n'), next.text...)
	}
	err := c.conn.WriteMessage(websocket.TextMessage, text)
	*joint = text
	joints.Put(joint)
	return err
}
