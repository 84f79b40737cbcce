/**
 * What travels between the page and the server, and what the client tells its user.
 * docs/PROTOCOL.md is the specification; this file only gives its frames a type.
 *
 * A Stream is a room name, or "@NAME" for the private conversation with NAME.
 *
 * @typedef {string} Stream
 *
 * @typedef {object} Limits
 * @property {number} message_bytes
 * @property {number} messages      0: no rate limit
 * @property {number} window_s
 * @property {number} history
 * @property {number} rooms
 * @property {number} name_chars
 * @property {number} room_chars
 * @property {number} cid_bytes
 * @property {number} frame_bytes
 * @property {number} [search_bytes]
 * @property {number} [receipts]    people up to which a room is told who has what
 * @property {{max_bytes: number, days: number}} [files]  none: the server takes no files
 *
 * @typedef {object} Message
 * @property {number} seq
 * @property {string} id
 * @property {string} user
 * @property {string} content
 * @property {number} timestamp  milliseconds; for display only, order is seq
 * @property {string} [cid]
 * @property {string} [room]
 * @property {string} [to]
 * @property {string[]} [mentions]   names in it
 * @property {number} [edited]       number of the latest edit that `content` has
 * @property {number|boolean} [deleted]  number of the event that deleted it
 * @property {Record<string, string[]>} [reactions]  who, by emoji; of messages from an archive
 * @property {string} [kind]         of an event: edit, delete, react or room; see events.js
 * @property {number} [target]       of edit, delete and react: which message
 * @property {string} [target_id]
 * @property {string} [emoji]        react
 * @property {boolean} [remove]
 * @property {string} [act]          room, as `room` frames say it
 * @property {string} [who]
 * @property {number} [until]
 * @property {string} [reason]
 * @property {string} [topic]
 * @property {string} [access]
 * @property {boolean} [read_only]
 * @property {boolean} [on]
 * @property {number} [seconds]
 * @property {string} [role]
 *
 * @typedef {Omit<Message, 'edited'|'deleted'|'reactions'> & {
 *   edited: number,
 *   deleted: number,
 *   reactions: Map<string, string[]>,
 * }} Shown  a message after all known events about it; 0: not edited, not deleted
 *
 * @typedef {object} Guard  what may be done in a room with an owner, and what oneself is there
 * @property {string} access        public or private
 * @property {boolean} read_only
 * @property {number} slow_ms
 * @property {string} role          owner, moderator, member or none
 * @property {string} topic
 * @property {number} muted_until   0: not muted; Infinity: for ever
 *
 * @typedef {object} Conversation  what the server knows of a private conversation
 * @property {string} with
 * @property {string} epoch
 * @property {number} seq        its top
 * @property {number} received   up to where this device has it; 0 for guests
 * @property {number} read       own marker
 * @property {number} seen       up to where the other one has read
 * @property {number} delivered  up to where the other one has it
 * @property {number} unread
 *
 * @typedef {object} Mention  somebody named one in a room
 * @property {string} epoch          of the mentions
 * @property {number} seq
 * @property {string} room
 * @property {string} message_epoch
 * @property {number} message        its number there
 * @property {string} id
 * @property {string} user
 * @property {number} timestamp
 *
 * @typedef {object} Frame  any frame from the server; which fields are there depends on `type`
 * @property {string} type
 * @property {string} [room]
 * @property {string} [to]
 * @property {string} [user]
 * @property {string} [session]
 * @property {number} [heartbeat_ms]
 * @property {Limits} [limits]
 * @property {Record<string, number>} [private]
 * @property {Record<string, number>} [top]
 * @property {string} [epoch]
 * @property {number} [seq]
 * @property {boolean} [recovered]
 * @property {number} [missed]
 * @property {string[]} [members]
 * @property {number} [count]
 * @property {Message[]} [messages]
 * @property {boolean} [more]
 * @property {Cursor} [older]
 * @property {Cursor} [newer]
 * @property {number} [missing]
 * @property {boolean} [archive]
 * @property {Found[]} [results]
 * @property {string} [cursor]
 * @property {boolean} [partial]
 * @property {number} [behind]
 * @property {string} [id]
 * @property {string} [content]
 * @property {number} [timestamp]
 * @property {string} [cid]
 * @property {boolean} [duplicate]
 * @property {Record<string, [number, number]>} [marks]  received and read up to
 * @property {Record<string, number>} [people]  when they were last seen; 0: here now
 * @property {number} [server_time]
 * @property {string} [instance]
 * @property {string[]} [join]
 * @property {string[]} [leave]
 * @property {string} [state]
 * @property {string} [reason]
 * @property {number|string} [code]
 * @property {string} [message]
 * @property {boolean} [temporary]
 * @property {string} [field]
 * @property {number} [retry_after_ms]
 * @property {number} [retry_ms]
 * @property {{device: string, expires_in_s: number}} [account]
 * @property {object} [guard]
 * @property {number} [until]
 * @property {boolean} [away]
 * @property {any} [mentions]
 * @property {Conversation[]} [list]
 * @property {Record<string, number>} [rooms]
 * @property {string} [ticket]
 * @property {number} [expires_in_s]
 *
 * @typedef {{type: string} & Record<string, unknown>} Request  a frame to the server
 *
 * @typedef {'idle'|'connecting'|'greeting'|'online'|'waiting'|'stopped'} ConnectionState
 *   idle: not asked to connect. connecting: the socket opens. greeting: hello is said.
 *   waiting: until retryAt. stopped: the server does not want this client back.
 *
 * @typedef {object} StateEvent
 * @property {ConnectionState} state
 * @property {number} retryAt  when state is waiting: milliseconds since 1970, else 0
 * @property {number} code     why the last connection ended, 0 when unknown
 * @property {string} reason
 *
 * @typedef {object} Position  up to where a stream is known
 * @property {string} epoch
 * @property {number} seq
 *
 * @typedef {object} Cursor  where a page begins; one of before, after and at
 * @property {string} [epoch]
 * @property {number} [before]  the newest with a smaller number
 * @property {number} [after]   the oldest with a greater number
 * @property {number} [at]      the oldest at that time or later, milliseconds since 1970
 *
 * @typedef {object} Page
 * @property {Stream} stream
 * @property {string} epoch
 * @property {Message[]} messages  oldest first; may be none although there are older ones
 * @property {Cursor|null} older   of the page before it
 * @property {Cursor|null} newer
 * @property {number} missing      messages of this page that are stored nowhere
 *
 * @typedef {object} Found  one result of a search
 * @property {string} [room]
 * @property {string} [to]
 * @property {string} epoch
 * @property {number} score
 * @property {string[]} parts  plain text and what was found in turn
 * @property {Message} message
 *
 * @typedef {object} Query
 * @property {string} q
 * @property {Stream} [stream]  else everything that may be read
 * @property {string} [user]
 * @property {number} [since]
 * @property {number} [until]
 * @property {string} [cursor]
 * @property {number} [limit]
 *
 * @typedef {'live'|'fresh'|'resumed'} BatchKind
 *   live: just said. fresh: the latest ones, with nothing known before. resumed: what was
 *   missed.
 *
 * @typedef {object} Batch
 * @property {Stream} stream
 * @property {BatchKind} kind
 * @property {string} epoch
 * @property {Message[]} messages   oldest first, without those given before
 * @property {{missed: number}|null} gap  before these messages some are lost; 0: who knows how many
 * @property {Cursor|null} older    the page before them (fresh)
 * @property {Message[]} [live]      of fresh or resumed: those that were said just now
 *
 * @typedef {'waiting'|'sent'|'stored'|'failed'} OutgoingState
 *   waiting: for the connection, for its turn or for its time. sent: no answer yet.
 *   stored: acknowledged, its message is on the way. failed: only the user can decide.
 *
 * @typedef {object} Outgoing
 * @property {string} cid
 * @property {Stream} stream
 * @property {string} content
 * @property {number} created    milliseconds since 1970, this machine's clock
 * @property {number} firstSent  0: never
 * @property {OutgoingState} state
 * @property {number} seq        when stored
 * @property {string} error      code of the error when failed, else ""
 *
 * @typedef {object} OutboxStorage  where an outbox outlives its page or process
 * @property {(late: (found: Outgoing[]) => void) => Promise<Outgoing[]>} load  what is left from
 *   before, oldest first; called once. What is found only afterwards is given to `late`
 * @property {(entry: Outgoing) => Promise<boolean>} add  keeps a new entry, or takes it back
 * @property {(entry: Outgoing) => Promise<boolean>} update  before each sending; false: another
 *   page has taken the entry over, and this one must not send it
 * @property {(cid: string) => void} remove
 *
 * @typedef {object} Refusal  something that does not get better by itself
 * @property {Stream} stream  a room that cannot be joined; "": the name
 * @property {string} code
 * @property {string} message the server's sentence
 * @property {number} retryAfterMs  0: never, or unknown
 *
 * @typedef {{
 *   state: StateEvent,
 *   welcome: Frame,
 *   joined: Frame,
 *   left: {stream: Stream, reason: string, until: number},
 *   messages: Batch,
 *   presence: Frame,
 *   typing: {stream: Stream, user: string},
 *   read: {stream: Stream, user: string, seq: number},
 *   delivered: {stream: Stream, user: string, seq: number},
 *   marks: {stream: Stream, epoch: string, marks: Record<string, [number, number]>},
 *   measured: {rtt: number, skew: number},
 *   conversations: Frame,
 *   mention: Mention,
 *   status: {ok: boolean, reason: string},
 *   refused: Refusal,
 *   outbox: {stream: Stream},
 *   hold: {code: string, until: number, stream: Stream},
 * }} ClientEvents
 */
/**
 * @typedef {object} ClientOptions
 * @property {string} url
 * @property {string} session
 * @property {(stale: string) => Promise<string>} [token]  of an account: another one than `stale`,
 *   which the server has refused or which ends soon ("": any). A rejection with an error that is
 *   `temporary` is a reason to try again later, any other to give up
 * @property {typeof WebSocket} [WebSocket]
 * @property {() => number} [random]
 * @property {OutboxStorage} [storage]
 * @property {import('./connection.js').Opened} [opened]
 */

export {};
