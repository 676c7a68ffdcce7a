'use strict';
// The golden vectors of multilang/testdata: the protocol, byte by byte.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { Reader, Writer, WireError } = require('../lib/msgpack.js');
const { readColumn, writeColumn } = require('../lib/columns.js');
const { Timestamp, explain } = require('../lib/values.js');
const { FrameReader, readMessage, TO_CHILD } = require('../lib/wire.js');
const { admit } = require('../lib/lane.js');

const folder = path.join(__dirname, '../../../multilang/testdata/vectors');
const load = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'));
const unhex = (hex = '') => Buffer.from(hex, 'hex');

/** What a tagged value is in JavaScript. */
function untag(tagged) {
  if (tagged === null || typeof tagged === 'boolean') return tagged;
  const [[tag, v]] = Object.entries(tagged);
  switch (tag) {
    case 'int': return Number.isSafeInteger(Number(v)) ? Number(v) : BigInt(v);
    case 'float': return { 'nan': NaN, 'inf': Infinity, '-inf': -Infinity }[v] ?? Number(v);
    case 'str': return v;
    case 'bytes': return unhex(v);
    case 'list': return v.map(untag);
    case 'map': {
      const entries = v.map(([k, x]) => [untag(k), untag(x)]);
      return entries.every(([k]) => typeof k === 'string') ? Object.fromEntries(entries) : new Map(entries);
    }
    case 'time': {
      const [seconds, nanoseconds] = v.split('.').map(Number);
      return nanoseconds % 1e6 === 0 ? new Date(seconds * 1000 + nanoseconds / 1e6) : new Timestamp(seconds, nanoseconds);
    }
    case 'ext': return { ext: v };
    default: throw new Error(`tag ${tag}`);
  }
}

/** JavaScript has no 3.0: a float that is a safe integer is an int when it goes out again. */
function keepsItsType(tagged) {
  if (tagged === null || typeof tagged !== 'object') return true;
  const [[tag, v]] = Object.entries(tagged);
  if (tag === 'float') return !Number.isSafeInteger(Number(v)) || v.startsWith('-0');
  if (tag === 'list') return v.every(keepsItsType);
  if (tag === 'map') return v.every(([k, x]) => keepsItsType(k) && keepsItsType(x));
  return true;
}

/** deepEqual, and nanoseconds too. */
function same(actual, expected) {
  assert.deepEqual(actual, expected);
  if (expected instanceof Timestamp) assert.deepEqual(Timestamp.split(actual), Timestamp.split(expected));
}

for (const { name, value, msgpack, json } of load('values.json')) {
  test(`D14 value ${name}`, () => {
    const want = untag(value);
    const bytes = unhex(msgpack);
    const r = new Reader(bytes);
    same(r.value(), want);
    assert.equal(r.pos, bytes.length);
    if (keepsItsType(value)) {
      const w = new Writer(1);
      w.value(r.buf.length ? new Reader(bytes).value() : want);
      assert.equal(w.buf.subarray(0, w.pos).toString('hex'), msgpack);
    }
    if (json !== undefined) {
      const text = Buffer.from(`1\n${json}\n"x"`);
      same(readColumn(9, text, 0, text.length, 3, {})[1], want);
    }
  });
}

for (const { name, kind, n, values, data, canonical } of load('columns.json')) {
  test(`column ${name}`, () => {
    const bytes = unhex(data);
    const got = readColumn(kind, bytes, 0, bytes.length, n, {});
    assert.equal(got.length, n);
    got.forEach((v, i) => same(v, untag(values[i])));
    if (!canonical || !values.every(keepsItsType)) return;
    const w = new Writer(1);
    const arena = new Writer(1);
    writeColumn(w, got.map((v) => admit(v, arena)), n, arena);
    assert.equal(w.buf[5], kind);
    assert.equal(w.buf.readUInt32BE(1), bytes.length);
    assert.equal(w.buf.subarray(6, w.pos).toString('hex'), data);
  });
}

/** Feeds bytes to a FrameReader in pieces of `step` and returns the messages. */
function frames(bytes, step = bytes.length, limit = 1 << 20) {
  const reader = new FrameReader(limit);
  const messages = [];
  for (let at = 0; at < bytes.length;) {
    const space = reader.space();
    const n = Math.min(step, space.length, bytes.length - at);
    bytes.copy(space, 0, at, at + n);
    reader.filled(n);
    at += n;
    while (reader.next()) messages.push(Buffer.from(reader.buf.subarray(reader.start, reader.end)));
  }
  return messages;
}

const inputs = (fields) => [{ fields: new Array(fields).fill('x'), memo: Array.from({ length: fields }, () => ({})) }];

for (const { name, from, frame, message } of load('frames.json')) {
  if (from !== 'host') continue;
  test(`D5 frame ${name}`, () => {
    for (const step of [1, 3, 1e6]) {
      const [bytes, ...more] = frames(Buffer.concat([unhex(frame), unhex(frame)]), step);
      assert.equal(more.length, 1);
      const values = message.map(untag);
      const width = values[5]?.[0]?.ext ? values[5].length : values[5]?.[0]?.length ?? 0;
      const got = readMessage(bytes, 0, bytes.length, values[5]?.[0]?.ext || values[0] !== TO_CHILD.DATA ? 'columns' : 'rows', inputs(width));
      assert.equal(got.type, values[0]);
      checkMessage(got, values);
    }
  });
}

const u32s = (buffer) => Array.from({ length: buffer.length / 4 }, (_, i) => buffer.readUInt32LE(4 * i));

function checkMessage(got, values) {
  switch (got.type) {
    case TO_CHILD.WELCOME: return assert.deepEqual(got.welcome, values[1]);
    case TO_CHILD.NEXT: return assert.deepEqual([got.seq, got.rows, got.bytes], values.slice(1));
    case TO_CHILD.OUTCOME: return assert.deepEqual([got.acked, got.failed, got.dead], values.slice(1).map(u32s));
    case TO_CHILD.TASKS: return assert.deepEqual([got.request, got.tasks], [values[1], u32s(values[2])]);
    case TO_CHILD.STOP: return assert.equal(got.deadline, values[1]);
    case TO_CHILD.LEVEL: return assert.equal(got.level, values[1]);
    case TO_CHILD.DATA: {
      assert.deepEqual([got.seq, got.input, got.task, got.n], values.slice(1, 5));
      assert.deepEqual(got.runs, values[6] ? u32s(values[6]) : null);
      const columns = values[5][0].ext
        ? values[5].map(({ ext: [kind, hex] }) => readColumn(kind, unhex(hex), 0, hex.length / 2, got.n, {}))
        : values[5][0].map((_, k) => values[5].map((row) => row[k]));
      return assert.deepEqual(got.columns, columns);
    }
    default: return assert.deepEqual(Object.keys(got), ['type']);
  }
}

for (const { name, frame, msgpack } of load('bad.json')) {
  test(`D10 bad input: ${name}`, () => {
    if (frame === undefined) {
      const bytes = unhex(msgpack);
      assert.throws(() => {
        const r = new Reader(bytes);
        r.value();
        return r;
      }, WireError);
      return;
    }
    assert.throws(() => {
      for (const m of frames(unhex(frame))) readMessage(m, 0, m.length, 'columns', inputs(1));
      return 'taken';
    }, WireError);
  });
}

test('D14 a Timestamp that only passes through keeps its nanoseconds; a changed one is a Date', () => {
  const bytes = unhex('d7ff1d6f34546553f100');
  const v = new Reader(bytes).value();
  assert.ok(v instanceof Date);
  assert.equal(v.nanoseconds, 123456789);
  assert.equal(v.toISOString(), '2023-11-14T22:13:20.123Z');
  v.setUTCMilliseconds(5);
  const w = new Writer();
  w.value(v);
  assert.equal(new Reader(w.buf, 0, w.pos).value().toISOString(), '2023-11-14T22:13:20.005Z');
});

test('D14 explain() is the same judge as the writer', () => {
  for (const { name, value } of load('values.json')) {
    assert.match(explain(untag(value), 'x').message, /changes while it is read/, name);
  }
});
