package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"log"
	"strconv"
	"time"

	"github.com/gomodule/redigo/redis"
)

// KEYS 1 meta  2 list;  ARGV 1, 2 the JSON before and behind the number  3… channels.
// One step, so the order of the numbers is the order of delivery.
const publishScript = `
local seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
local json = ARGV[1] .. seq .. ARGV[2]
redis.call('RPUSH', KEYS[2], json)
redis.call('LTRIM', KEYS[2], -100, -1)
for i = 3, #ARGV do
    redis.call('PUBLISH', ARGV[i], json)
end
return seq`

// KEYS as above;  ARGV 1 an epoch, for a new room  2 room  3 channel of this instance.
// The state of a room, as lines: room, epoch, top number, messages. On the channel it arrives
// exactly between the messages that it has and those that it has not.
const stateScript = `
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
local lines = redis.call('LRANGE', KEYS[2], 0, -1)
table.insert(lines, 1, redis.call('HGET', KEYS[1], 'seq') or '0')
table.insert(lines, 1, redis.call('HGET', KEYS[1], 'epoch'))
table.insert(lines, 1, ARGV[2])
redis.call('PUBLISH', ARGV[3], table.concat(lines, '\n'))
return 1`

func userChannel(user string) string { return "peer:user:" + user }
func roomChannel(room string) string { return "peer:room:" + room }

// Milliseconds since 1970.
func now() int64 { return time.Now().UnixNano() / int64(time.Millisecond) }

func pair(a, b string) string {
	if a < b {
		return a + "|" + b
	}
	return b + "|" + a
}

// The two connections to Redis. What ends one of them ends the process, so that a measurement
// cannot go on without it.
type store struct {
	instance string
	own      string // the channel on which the states of rooms come
	count    int64
	commands chan []interface{} // arguments of EVALSHA
	bus      redis.PubSubConn
	publish  string // digests
	state    string
}

func newStore(address string) (*store, error) {
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	s := &store{instance: hex.EncodeToString(random[:]), commands: make(chan []interface{}, 4096)}
	s.own = "peer:instance:" + s.instance
	command, err := redis.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	bus, err := redis.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	s.bus = redis.PubSubConn{Conn: bus}
	if s.publish, err = redis.String(command.Do("SCRIPT", "LOAD", publishScript)); err != nil {
		return nil, err
	}
	if s.state, err = redis.String(command.Do("SCRIPT", "LOAD", stateScript)); err != nil {
		return nil, err
	}
	go s.write(command)
	go s.read(command)
	return s, s.bus.Subscribe(s.own)
}

// Pipelining as redigo has it: one goroutine sends and flushes, another one receives. What waits
// goes out with one write.
func (s *store) write(command redis.Conn) {
	for arguments := range s.commands {
		err := command.Send("EVALSHA", arguments...)
		for n := len(s.commands); n > 0 && err == nil; n-- {
			err = command.Send("EVALSHA", <-s.commands...)
		}
		if err == nil {
			err = command.Flush()
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}

func (s *store) read(command redis.Conn) {
	for {
		if _, err := command.Receive(); err != nil {
			log.Fatal(err)
		}
	}
}

func (s *store) message(user string, f *frame) {
	s.send(f.Room, `{"type":"message","room":"`+f.Room+`","seq":`, user, "", f.Content,
		roomChannel(f.Room))
}

func (s *store) private(user string, f *frame) {
	channels := []interface{}{userChannel(user)}
	if f.To != user {
		channels = append(channels, userChannel(f.To))
	}
	s.send(pair(user, f.To), `{"type":"private","seq":`, user, `"to":"`+f.To+`",`, f.Content,
		channels...)
}

func (s *store) send(stream, head, user, to, content string, channels ...interface{}) {
	s.count++
	var tail bytes.Buffer
	tail.WriteString(`,"id":"` + s.instance + "-" + strconv.FormatInt(s.count, 10) +
		`","user":"` + user + `",` + to + `"content":`)
	tail.Write(toJSON(content))
	tail.WriteString(`,"timestamp":` + strconv.FormatInt(now(), 10) + "}")
	s.commands <- append([]interface{}{s.publish, 2, "peer:meta:" + stream, "peer:list:" + stream,
		head, tail.Bytes()}, channels...)
}

func (s *store) askState(room string) {
	s.commands <- []interface{}{s.state, 2, "peer:meta:" + room, "peer:list:" + room, s.instance,
		room, s.own}
}

// A subscription's confirmation has no data.
type event struct {
	channel   string
	data      []byte
	confirmed bool
}

// Passes on what comes on the bus, in its order.
func (s *store) listen(events chan<- event) {
	for {
		switch m := s.bus.Receive().(type) {
		case redis.Message:
			events <- event{channel: m.Channel, data: m.Data}
		case redis.Subscription:
			if m.Kind == "subscribe" {
				events <- event{channel: m.Channel, confirmed: true}
			}
		case error:
			log.Fatal(m)
		}
	}
}
