// Package transport carries messages between the worker processes of a
// topology: in order, exactly once, across any number of lost connections,
// until one of the two processes ends. It knows nothing of what the messages
// mean, nor of the coordinator.
//
// A [Link] leads from one incarnation of a worker to one incarnation of
// another. The sender dials; the receiver's [Server] has an [Inbound] for each
// link that leads to it. Messages flow back on the same connection, just as
// reliably. Both ends keep what the other has not acknowledged and send it
// again on the next connection; a receiver drops what it has already taken.
// When an incarnation ends, its links end with it, and the sender is told what
// was never acknowledged. Memory is bounded by what the callers send before it
// is acknowledged, see [Link.Unacked]: nothing here blocks a sender.
//
// # Wire format, version 1
//
// All numbers are big-endian. On TCP the connection is TLS 1.3 with
// certificates of both sides (see [CA]), or plain on loopback; on a Unix socket
// each side checks that the other runs under the same user. The dialer writes
// a hello, the server an answer; both begin with
//
//	magic    8  F5 50 42 4C 49 4E 4B 0A
//	version  1  the newest that the side speaks
//	oldest   1  the oldest that it speaks
//	length   2  of the rest, at most 2048
//
// so that sides with no version in common can still say so. The rest (text is
// a length in one byte, then UTF-8; an identity is worker 8, epoch 8, topology
// text, place text; more may follow it, and is ignored):
//
//	hello   channel 1, link 8, first 8, next 8, identity of the dialer, worker 8 and place text that it means
//	answer  code 2, text length 2, text, identity of the server, next 8
//
// link counts the links of the process; a higher one replaces a lower one on
// the same channel. first is the oldest message that the dialer still has,
// next is the message that a side waits for: the other goes on from there.
// After an answer of code 0, both sides write frames:
//
//	length  4  of the body
//	type    1  the caller's, or of a control frame: 1 nothing, 2 bye, 3 refusal (code 2, text length 2, text)
//	flags   1  1 = control frame
//	zero    2
//	seq     8  number of the message, from 1; 0 in control frames
//	ack     8  messages up to here are done with
//	epoch   8  of the assignment that the sender knew
//	body
package transport
