package main

import (
	"encoding/json"
	"errors"
	"regexp"
	"unicode/utf8"
)

const contentBytes = 4096

var (
	userName = regexp.MustCompile(`^[\p{L}\p{M}\p{Nd}_.-]{1,32}$`)
	roomName = regexp.MustCompile(`^[\p{L}\p{M}\p{Nd}_.-]{1,64}$`)
)

// Where a client stands in a room.
type position struct {
	Epoch string `json:"epoch"`
	Seq   int64  `json:"seq"`
}

// What a client says.
type frame struct {
	Type     string              `json:"type"`
	Username string              `json:"username"`
	Session  string              `json:"session"`
	Resume   map[string]position `json:"resume"`
	Room     string              `json:"room"`
	To       string              `json:"to"`
	Content  string              `json:"content"`
}

// What the server says, apart from messages and histories, which are made of text.
type welcome struct {
	Type     string `json:"type"`
	V        int    `json:"v"`
	User     string `json:"user"`
	Session  string `json:"session"`
	Instance string `json:"instance"`
	Time     int64  `json:"server_time"`
}

type joined struct {
	Type      string `json:"type"`
	Room      string `json:"room"`
	Epoch     string `json:"epoch"`
	Seq       int64  `json:"seq"`
	Recovered bool   `json:"recovered"`
	Missed    int64  `json:"missed"`
}

type refusal struct {
	Type string `json:"type"`
	Code string `json:"code"`
}

// The error of parse is a code of docs/PROTOCOL.md.
func parse(text []byte) (*frame, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("bad_json")
	}
	f := new(frame)
	if err := json.Unmarshal(text, f); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return nil, errors.New("bad_field")
		}
		return nil, errors.New("bad_json")
	}
	return f, f.check()
}

func (f *frame) check() error {
	switch f.Type {
	case "hello":
		if !userName.MatchString(f.Username) {
			return errors.New("bad_name")
		}
		for room := range f.Resume {
			if !roomName.MatchString(room) {
				return errors.New("bad_room")
			}
		}
	case "message":
		if !roomName.MatchString(f.Room) {
			return errors.New("bad_room")
		}
		return checkContent(f.Content)
	case "private":
		if !userName.MatchString(f.To) {
			return errors.New("bad_name")
		}
		return checkContent(f.Content)
	case "heartbeat":
	case "":
		return errors.New("no_type")
	default:
		return errors.New("unknown_type")
	}
	return nil
}

func checkContent(content string) error {
	if content == "" || len(content) > contentBytes {
		return errors.New("bad_content")
	}
	return nil
}

func toJSON(value interface{}) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}
