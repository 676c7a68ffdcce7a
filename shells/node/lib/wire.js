'use strict';
// Frames and messages: bytes in, messages out; nothing here reads, writes or
// waits. multilang/PROTOCOL.md is the contract.
const { Reader, Writer, WireError } = require('./msgpack.js');
const { readColumn } = require('./columns.js');

const VERSION = 1;
const MESSAGE_BYTES = 256 << 10; // about here a new message starts
const FRAME_SLACK = 64 << 10; // what a frame may hold beyond the largest row
const MAX_ROWS = 1 << 20; // that one message may declare
const READ_BYTES = 256 << 10; // read at a time

/** Types of the messages to a child. */
const TO_CHILD = { WELCOME: 1, START: 2, DATA: 3, NEXT: 4, OUTCOME: 5, ACTIVATE: 6, DEACTIVATE: 7, TICK: 8, TASKS: 9, STOP: 10, LEVEL: 11 };
/** Types of the messages from a child. */
const FROM_CHILD = { HELLO: 1, READY: 2, REPLY: 3, ROWS: 4, BEAT: 5, LOG: 6, ERROR: 7, METRIC: 8, FINISH: 9, LEFT: 10 };
const OPTIONAL = 64; // the first type that is ignored when it is not known

/** A Writer of messages, each in its frame: begin(), its elements, end(). */
class MessageWriter extends Writer {
  /** Starts a message of `size` elements, the type included. */
  begin(type, size) {
    this.start = this.pos;
    this.room(4);
    this.pos += 4;
    this.array(size);
    this.int(type);
  }

  /** Completes the frame. */
  end() {
    this.buf.writeUInt32BE(this.pos - this.start - 4, this.start);
  }

  /** Returns the bytes written so far and begins anew; they are valid until the next message. */
  take() {
    const bytes = this.buf.subarray(0, this.pos);
    this.pos = 0;
    if (this.buf.length > 4 * MESSAGE_BYTES) this.buf = Buffer.allocUnsafeSlow(MESSAGE_BYTES); // a huge row has passed
    return bytes;
  }
}

/**
 * Cuts what is read into frames. Read into space(), say filled(), then call
 * next() until it is false; `buf` from `start` to `end` is the message.
 */
class FrameReader {
  /** @param {number} limit of a message, bytes */
  constructor(limit) {
    this.limit = limit;
    this.buf = Buffer.allocUnsafeSlow(READ_BYTES);
    this.start = 0;
    this.end = 0;
    this._at = 0; // of the first byte that no frame has taken
    this._have = 0; // where the bytes end
  }

  /** Returns memory to read into; never empty. */
  space() {
    if (this._at === this._have) {
      this._at = this._have = 0;
      if (this.buf.length > 4 * READ_BYTES) this.buf = Buffer.allocUnsafeSlow(READ_BYTES);
    }
    const left = this._have - this._at;
    const want = left >= 4 ? Math.max(this._length() + 4, left + 1) : READ_BYTES / 2;
    if (this._at + want > this.buf.length) {
      // What a large frame has so far is moved once, so the time is linear in its size.
      const old = this.buf;
      if (want > old.length) this.buf = Buffer.allocUnsafeSlow(want + READ_BYTES);
      old.copy(this.buf, 0, this._at, this._have);
      this._at = 0;
      this._have = left;
    }
    return this.buf.subarray(this._have);
  }

  /** n bytes were read into space(). */
  filled(n) {
    this._have += n;
  }

  _length() {
    const n = this.buf.readUInt32BE(this._at);
    if (n === 0 || n > this.limit) {
      const found = this.buf.subarray(this._at, Math.min(this._have, this._at + 32));
      const text = JSON.stringify(found.toString('latin1'));
      throw new WireError(`no frame begins with ${found.toString('hex')} ${text}; at most ${this.limit} bytes are allowed`);
    }
    return n;
  }

  /** Steps to the next complete message; false if there is none yet. */
  next() {
    if (this._have - this._at < 4) return false;
    const n = this._length();
    if (this._have - this._at < 4 + n) return false;
    this.start = this._at + 4;
    this.end = this._at = this.start + n;
    return true;
  }
}

// ---- messages to the child

/**
 * Decodes one message. inputs are those of the welcome, each with `memo`, one
 * object a field (see readColumn); level is 'rows' or 'columns'. Returns
 * {type, …} with the names of PROTOCOL.md, or null for a message to ignore.
 */
function readMessage(buf, start, end, level, inputs) {
  const r = new Reader(buf, start, end);
  const size = readArray(r, 'a message');
  const type = r.value();
  switch (type) {
    case TO_CHILD.DATA: return readData(r, size, level, inputs);
    case TO_CHILD.WELCOME: return { type, welcome: r.value() };
    case TO_CHILD.NEXT: return { type, seq: r.value(), rows: r.value(), bytes: r.value() };
    case TO_CHILD.OUTCOME: return { type, acked: readU32s(r), failed: readU32s(r), dead: readU32s(r) };
    case TO_CHILD.TASKS: return { type, request: r.value(), tasks: readU32s(r) };
    case TO_CHILD.STOP: return { type, deadline: r.value() };
    case TO_CHILD.LEVEL: return { type, level: r.value() };
    case TO_CHILD.START: case TO_CHILD.ACTIVATE: case TO_CHILD.DEACTIVATE: case TO_CHILD.TICK: return { type };
    default:
      if (Number.isInteger(type) && type >= OPTIONAL) return null;
      throw new WireError(`a message of unknown type ${typeof type === 'number' ? type : typeof type}`);
  }
}

function readArray(r, what) {
  const c = r.buf[r.take(1)];
  if (c >= 0x90 && c < 0xa0) return c & 0x0f;
  if (c === 0xdc) return r.buf.readUInt16BE(r.take(2));
  if (c === 0xdd) return r.buf.readUInt32BE(r.take(4));
  throw new WireError(`${what} that is no array, but byte 0x${c.toString(16)}`);
}

function readU32s(r) {
  const v = r.value();
  if (!Buffer.isBuffer(v) || v.length % 4 !== 0) throw new WireError('u32s that are no bin of them');
  const numbers = new Array(v.length / 4);
  for (let i = 0; i < numbers.length; i++) numbers[i] = v.readUInt32LE(4 * i);
  return numbers;
}

function readData(r, size, level, inputs) {
  const message = { type: TO_CHILD.DATA, seq: r.value(), input: r.value(), task: r.value(), n: r.value(), columns: null, runs: null };
  const input = Number.isInteger(message.input) ? inputs[message.input] : undefined;
  if (input === undefined) throw new WireError(`data for input ${typeof message.input === 'number' ? message.input : typeof message.input}; there are ${inputs.length}`);
  const { n } = message;
  if (!(Number.isInteger(n) && n > 0 && n <= MAX_ROWS)) throw new WireError(`data of ${typeof n === 'number' ? n : typeof n} rows`);
  message.columns = level === 'rows' ? readRows(r, n, input) : readColumns(r, n, input);
  if (size > 6) message.runs = readU32s(r);
  return message;
}

function readColumns(r, n, input) {
  const count = readArray(r, 'a body');
  if (count !== input.fields.length) throw new WireError(`${count} columns for the fields [${input.fields}]`);
  const columns = new Array(count);
  for (let k = 0; k < count; k++) {
    const length = readExt(r);
    const kind = r.buf[r.take(1)];
    const start = r.take(length);
    columns[k] = readColumn(kind, r.buf, start, start + length, n, input.memo[k]);
  }
  return columns;
}

/** Reads the head of an ext up to its type and returns the length of its data. */
function readExt(r) {
  const c = r.buf[r.take(1)];
  if (c === 0xc7) return r.buf[r.take(1)];
  if (c === 0xc8) return r.buf.readUInt16BE(r.take(2));
  if (c === 0xc9) return r.buf.readUInt32BE(r.take(4));
  if (c >= 0xd4 && c <= 0xd8) return 1 << (c - 0xd4);
  throw new WireError(`a column that is no ext, but byte 0x${c.toString(16)}`);
}

function readRows(r, n, input) {
  const count = readArray(r, 'a body');
  if (count !== n) throw new WireError(`${count} rows, not ${n}`);
  const columns = input.fields.map(() => new Array(n));
  for (let i = 0; i < n; i++) {
    const width = readArray(r, 'a row');
    if (width !== columns.length) throw new WireError(`a row of ${width} values for the fields [${input.fields}]`);
    for (let k = 0; k < width; k++) columns[k][i] = r.value();
  }
  return columns;
}

module.exports = { VERSION, MESSAGE_BYTES, FRAME_SLACK, MAX_ROWS, TO_CHILD, FROM_CHILD, MessageWriter, FrameReader, readMessage };
