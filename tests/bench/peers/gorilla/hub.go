package main

import (
	"bytes"
	"errors"
	"log"
	"strconv"
	"time"
)

// How long the hub waits for one client whose queue is full. The example ends such a client at
// once; here nobody who reads at all is cut off.
const patience = 5 * time.Second

type command struct {
	client *client
	frame  *frame
	err    error // why there is no frame
	gone   bool
}

type newcomer struct {
	client *client
	have   position
}

// A channel of Redis that this instance is subscribed to, because somebody here holds it: a room
// or a user.
type topic struct {
	holders   int
	members   map[*client]bool // who gets what is published
	confirmed bool
	waiting   []func()   // for the confirmation
	newcomers []newcomer // for the state of the room
}

type hub struct {
	store       *store
	commands    chan command
	events      chan event
	topics      map[string]*topic
	unconfirmed map[string]int // subscriptions under way
}

func newHub(s *store) *hub {
	return &hub{store: s, commands: make(chan command, queue), events: make(chan event, queue),
		topics: make(map[string]*topic), unconfirmed: make(map[string]int)}
}

func (h *hub) run() {
	go h.store.listen(h.events)
	for {
		select {
		case c := <-h.commands:
			h.obey(c)
		case e := <-h.events:
			h.take(e)
		}
	}
}

func (h *hub) obey(c command) {
	if c.client.closed {
		return
	}
	if c.gone {
		h.leave(c.client)
		return
	}
	if c.err == nil {
		c.err = h.act(c.client, c.frame)
	}
	if c.err != nil {
		h.push(c.client, newDocument(toJSON(refusal{"error", c.err.Error()})))
	}
}

func (h *hub) act(c *client, f *frame) error {
	if f.Type == "hello" {
		if c.user != "" {
			return errors.New("hello_twice")
		}
		c.user = f.Username
		h.hold(c, userChannel(c.user), func(t *topic) { h.admit(c, t, f) })
		return nil
	}
	if c.user == "" {
		return errors.New("hello_first")
	}
	if f.Type == "private" {
		h.store.private(c.user, f)
		return nil
	}
	if t := h.topics[roomChannel(f.Room)]; t == nil || !t.members[c] {
		return errors.New("not_joined")
	}
	h.store.message(c.user, f)
	return nil
}

func (h *hub) admit(c *client, t *topic, f *frame) {
	t.members[c] = true
	h.push(c, newDocument(toJSON(welcome{"welcome", 1, c.user, f.Session, h.store.instance, now()})))
	for room, have := range f.Resume {
		room, have := room, have
		h.hold(c, roomChannel(room), func(t *topic) {
			// Who comes while the state is on its way gets the same one: it is as new as the
			// moment in which it arrives.
			t.newcomers = append(t.newcomers, newcomer{c, have})
			if len(t.newcomers) == 1 {
				h.store.askState(room)
			}
		})
	}
}

// Subscribes for the first holder; calls then, unless the client has gone, when Redis has
// confirmed it.
func (h *hub) hold(c *client, channel string, then func(*topic)) {
	t := h.topics[channel]
	if t == nil {
		t = &topic{members: make(map[*client]bool)}
		h.topics[channel] = t
		h.unconfirmed[channel]++
		if err := h.store.bus.Subscribe(channel); err != nil {
			log.Fatal(err)
		}
	}
	t.holders++
	c.held = append(c.held, channel)
	if t.confirmed {
		then(t)
		return
	}
	t.waiting = append(t.waiting, func() {
		if !c.closed {
			then(t)
		}
	})
}

// The last holder's leaving ends the subscription.
func (h *hub) leave(c *client) {
	c.closed = true
	close(c.send)
	for _, channel := range c.held {
		t := h.topics[channel]
		delete(t.members, c)
		if t.holders--; t.holders > 0 {
			continue
		}
		delete(h.topics, channel)
		if err := h.store.bus.Unsubscribe(channel); err != nil {
			log.Fatal(err)
		}
	}
}

func (h *hub) take(e event) {
	if e.confirmed {
		h.confirm(e.channel)
	} else if e.channel == h.store.own {
		h.takeState(e.data)
	} else if t := h.topics[e.channel]; t != nil {
		d := newDocument(e.data)
		for c := range t.members {
			h.push(c, d)
		}
	}
}

func (h *hub) confirm(channel string) {
	h.unconfirmed[channel]--
	if h.unconfirmed[channel] > 0 {
		return // left and held again meanwhile: only the last subscription counts
	}
	delete(h.unconfirmed, channel)
	if t := h.topics[channel]; t != nil {
		t.confirmed = true
		for _, then := range t.waiting {
			then()
		}
		t.waiting = nil
	}
}

// It comes on the bus, so exactly between the messages that it has and those that it has not.
func (h *hub) takeState(data []byte) {
	lines := bytes.Split(data, []byte("\n"))
	room, epoch := string(lines[0]), string(lines[1])
	top, _ := strconv.ParseInt(string(lines[2]), 10, 64)
	messages := lines[3:]
	t := h.topics[roomChannel(room)]
	if t == nil {
		return
	}
	histories := make(map[int64]*document) // by number of messages: many have missed the same
	for _, n := range t.newcomers {
		if n.client.closed {
			continue
		}
		missed, count := top-n.have.Seq, int64(len(messages))
		recovered := n.have.Epoch == epoch && missed >= 0 && missed <= count
		if recovered {
			count = missed
		} else {
			missed = 0
		}
		if histories[count] == nil {
			histories[count] = history(room, epoch, messages[int64(len(messages))-count:])
		}
		h.push(n.client, newDocument(toJSON(joined{"joined", room, epoch, top, recovered, missed})))
		h.push(n.client, histories[count])
		if !n.client.closed {
			t.members[n.client] = true
		}
	}
	t.newcomers = nil
}

func history(room, epoch string, messages [][]byte) *document {
	text := []byte(`{"type":"history","room":"` + room + `","epoch":"` + epoch + `","messages":[`)
	text = append(text, bytes.Join(messages, []byte(","))...)
	return newDocument(append(text, `],"more":false}`...))
}

func (h *hub) push(c *client, d *document) {
	select {
	case c.send <- d:
		return
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case c.send <- d:
	case <-c.gone:
		h.leave(c)
	case <-timer.C:
		h.leave(c)
	}
}
