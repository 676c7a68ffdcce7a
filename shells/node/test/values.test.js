'use strict';
// Values, columns and frames beyond the golden vectors: properties over random
// values, and the words for what cannot be sent.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const vm = require('node:vm');
const { Reader, Writer, UNSENDABLE, WireError } = require('../lib/msgpack.js');
const { readColumn, writeColumn, writeRows, IllFormed } = require('../lib/columns.js');
const { Timestamp, explain } = require('../lib/values.js');
const { FrameReader } = require('../lib/wire.js');
const { admit } = require('../lib/lane.js');

/** A small generator of random numbers, so that a failure can be repeated. */
function random(seed) {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return { next, below: (n) => Math.floor(next() * n), of: (list) => list[Math.floor(next() * list.length)] };
}

const SCALARS = [null, true, false, 0, -0, 1, -1, 127, 128, -32, -33, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 53, 1.5, NaN, Infinity, -Infinity, 5e-324,
  2n ** 53n, -(2n ** 63n), 2n ** 63n - 1n, '', 'a', 'word', 'žluťoučký', '𝄞', 'a\0b', '\ufffd', 'x'.repeat(40), 'y'.repeat(300), 'é'.repeat(20), Buffer.from(''), Buffer.from([0, 255]),
  new Date(0), new Date(-5), new Date(1.7e12), new Timestamp(1700000000n, 5), new Timestamp(10n ** 15n, 1)];

function anyValue(r, depth = 0) {
  const kind = r.below(depth > 3 ? 8 : 10);
  if (kind < 8) return r.of(SCALARS);
  const n = r.below(4);
  if (kind === 8) return Array.from({ length: n }, () => anyValue(r, depth + 1));
  const keys = Array.from({ length: n }, (_, i) => r.of(['a', 'b c', '__proto__', 'constructor', '', `k${i}`]));
  if (r.below(3) > 0) return Object.fromEntries(keys.map((k) => [k, anyValue(r, depth + 1)]));
  return new Map([[1, 'x'], [null, anyValue(r, depth + 1)], ...keys.map((k) => [k, 1])]);
}

/** deepEqual with the nanoseconds of dates: an invalid Date equals nothing. */
const same = (a, b) => assert.deepEqual(told(a), told(b));
function told(v) {
  if (v instanceof Date) return { date: Timestamp.split(v) };
  if (Array.isArray(v)) return v.map(told);
  if (v instanceof Map) return new Map([...v].map(([k, x]) => [k, told(x)]));
  if (v === null || typeof v !== 'object' || Buffer.isBuffer(v)) return v;
  return Object.entries(v).map(([k, x]) => [k, told(x)]);
}

test('D14 any value survives msgpack, alone and in a column, at both levels', () => {
  const r = random(7);
  for (let round = 0; round < 400; round++) {
    const n = 1 + r.below(12);
    const pool = round % 3 === 0 ? SCALARS : Array.from({ length: 3 }, () => anyValue(r));
    const values = Array.from({ length: n }, () => r.of(pool));
    const arena = new Writer(8), w = new Writer(8);
    const kept = values.map((v) => admit(v, arena));
    writeColumn(w, kept, n, arena);
    same(readColumn(w.buf[5], w.buf, 6, w.pos, n, {}), values);
    const rows = new Writer(8);
    writeRows(rows, [kept], n, arena);
    same(new Reader(rows.buf, 0, rows.pos).value(), values.map((v) => [v]));
  }
});

test('what a receiver gets does not depend on which rows share a frame', () => {
  const r = random(11);
  for (let round = 0; round < 200; round++) {
    const values = Array.from({ length: 20 }, () => (round % 2 ? anyValue(r) : r.of(SCALARS)));
    const together = columnTrip(values);
    for (let i = 0; i < values.length;) {
      const n = 1 + r.below(6);
      same(columnTrip(values.slice(i, i + n)), together.slice(i, i + n));
      i += n;
    }
  }
});

function columnTrip(values, memo = {}) {
  const arena = new Writer(8), w = new Writer(8);
  writeColumn(w, values.map((v) => admit(v, arena)), values.length, arena);
  return readColumn(w.buf[5], w.buf, 6, w.pos, values.length, memo);
}

test('a column of one type is typed, and null rows do not change that', () => {
  const kind = (values) => {
    const arena = new Writer(8), w = new Writer(8);
    writeColumn(w, values.map((v) => admit(v, arena)), values.length, arena);
    return w.buf[5];
  };
  assert.equal(kind([1, 2n, -3]), 3);
  assert.equal(kind([1.5, NaN, -0, 2 ** 53]), 4);
  assert.equal(kind([1, null]), 19);
  assert.equal(kind(['a', null]), 21);
  assert.equal(kind(['a\0', null]), 22);
  assert.equal(kind(['x'.repeat(99), 'a\0b']), 6);
  assert.equal(kind([true, null]), 18);
  assert.equal(kind([Buffer.from('a'), null]), 23);
  assert.equal(kind([null]), 1);
  assert.equal(kind([1, 1.5]), 8);
  assert.equal(kind([1, true]), 8);
  assert.equal(kind([[1], [2]]), 8);
});

test('strings that repeat, and strings that do not, in long columns', () => {
  const r = random(3);
  const memo = {};
  for (const list of [['the', 'of', '', 'a'], Array.from({ length: 5000 }, (_, i) => `key-${i * 7919}`), ['x'.repeat(2000), 'y'], ['ž', 'ž'.repeat(400), 'z']]) {
    for (let round = 0; round < 3; round++) {
      const values = Array.from({ length: 3000 }, () => r.of(list));
      same(columnTrip(values, memo), values);
    }
  }
});

test('D9 what is read shares no memory with the read buffer', () => {
  const arena = new Writer(8), w = new Writer(8);
  const values = [Buffer.from('abcd'), Buffer.from('efgh')];
  writeColumn(w, values.map((v) => admit(v, arena)), 2, arena);
  const [bytes] = readColumn(w.buf[5], w.buf, 6, w.pos, 2, {});
  const packed = new Writer(8);
  packed.value({ b: Buffer.from('wxyz') });
  const { b } = new Reader(packed.buf).value();
  w.buf.fill(0);
  packed.buf.fill(0);
  same([bytes, b], [Buffer.from('abcd'), Buffer.from('wxyz')]);
});

test('mutable values are as they were when they were admitted', () => {
  const arena = new Writer(8);
  const list = [1], bytes = Buffer.from('a');
  const kept = [admit(list, arena), admit(bytes, arena)];
  list.push(2);
  bytes[0] = 0;
  const w = new Writer(8);
  writeColumn(w, kept, 2, arena);
  same(readColumn(w.buf[5], w.buf, 6, w.pos, 2, {}), [[1], Buffer.from('a')]);
});

test('D12 a str that is not UTF-8 arrives as bytes where types may differ', () => {
  assert.deepEqual(new Reader(Buffer.from('93a2c328a161a7ffffffffffffff', 'hex')).value(), [Buffer.from('c328', 'hex'), 'a', Buffer.alloc(7, 255)]);
});

test('D14 JSON columns: 2^53 is an int or a float as it is written, in strings it is text', () => {
  const texts = ['9007199254740992', '-9007199254740992', '9007199254740992.0', '"9007199254740992"', '{"9007199254740992":[9007199254740992,1]}', '{"__proto__":1}'];
  const bytes = Buffer.from(texts.join('\n'));
  const got = readColumn(9, bytes, 0, bytes.length, texts.length, {});
  same(got.slice(0, 5), [2n ** 53n, -(2n ** 53n), 2 ** 53, '9007199254740992', { 9007199254740992: [2n ** 53n, 1] }]);
  assert.deepEqual(Object.keys(got[5]), ['__proto__']);
  assert.throws(() => readColumn(9, Buffer.from('1\n2'), 0, 3, 3, {}), WireError);
  assert.throws(() => readColumn(9, Buffer.from('{'), 0, 1, 1, {}), WireError);
});

test('lone surrogates are found, wherever they stand', () => {
  for (const bad of ['\ud800', 'a\udc00b', `${'x'.repeat(50)}\ud834`, '\ud834\ud834\udd1e', `a\0${'\ud800'}`]) {
    for (const values of [[bad], ['ok', bad], [null, bad, 'ok'], [1, bad]]) {
      const arena = new Writer(8), w = new Writer(8);
      assert.throws(() => writeColumn(w, values, values.length, arena), (e) => e instanceof IllFormed && e.index === values.indexOf(bad), JSON.stringify(values));
    }
    assert.throws(() => new Writer().value([bad]), (e) => e === UNSENDABLE);
    assert.match(explain(bad, 'x').message, /lone surrogates/);
  }
});

class Point {}
const deep = (n) => (n === 0 ? 1 : [deep(n - 1)]);
const self = {};
self.self = self;
const noProto = Object.assign(Object.create(null), { a: 1 });

const REFUSED = [
  [undefined, TypeError, 'w: undefined cannot be sent; send null, or leave it out'],
  [{ a: { b: [1, undefined] } }, TypeError, 'w, at a.b[1]: undefined cannot be sent'],
  [{ 'a b': () => 1 }, TypeError, 'w, at ["a b"]: a function cannot be sent'],
  [Symbol('x'), TypeError, 'w: a symbol cannot be sent'],
  [[1, , 2], TypeError, 'w, at [1]: undefined cannot be sent'], // eslint-disable-line no-sparse-arrays
  [new Set([1]), TypeError, 'w: an instance of Set cannot be sent; send [...value]'],
  [new Point(), TypeError, 'w: an instance of Point cannot be sent; send {...value}'],
  [new Error('x'), TypeError, 'w: an instance of Error cannot be sent; send value.message'],
  [new RangeError('x'), TypeError, 'w: an instance of RangeError cannot be sent; send value.message'],
  [new Float32Array(1), TypeError, 'w: an instance of Float32Array cannot be sent; send Array.from(value)'],
  [new ArrayBuffer(1), TypeError, 'send new Uint8Array(value)'],
  [new URL('http://a/'), TypeError, 'w: an instance of URL cannot be sent; send value.toJSON()'],
  [new String('x'), TypeError, 'w: an instance of String cannot be sent; send value.valueOf()'], // eslint-disable-line no-new-wrappers
  [Promise.resolve(1), TypeError, 'w: an instance of Promise cannot be sent; await it first'],
  [new Date(NaN), RangeError, 'w: an invalid Date cannot be sent'],
  [2n ** 63n, RangeError, 'w: a BigInt of 64 bits does not fit in 64; send it as a string'],
  [{ n: -(2n ** 63n) - 1n }, RangeError, 'w, at n: a BigInt of'],
  [deep(33), RangeError, 'w: nested deeper than 32 arrays and objects'],
  [self, RangeError, 'nested deeper than 32 arrays and objects (or inside itself)'],
  [new Map([[[1], 2]]), TypeError, 'a key of a Map cannot be an array'],
  [new Map([['a', undefined]]), TypeError, 'w, at get("a"): undefined'],
  [{ '\ud800': 1 }, TypeError, 'w, at <key>: the string holds lone surrogates'],
];

for (const [value, Kind, text] of REFUSED) {
  test(`D13 refused: ${text}`, () => {
    const arena = new Writer(8);
    assert.throws(() => admit(value, arena), (e) => e === UNSENDABLE);
    assert.equal(arena.pos, 0);
    const error = explain(value, 'w');
    assert.equal(error.constructor, Kind);
    assert.ok(error.message.includes(text), error.message);
  });
}

test('objects of another realm and without a prototype are plain; depth 32 is allowed', () => {
  for (const v of [noProto, vm.runInNewContext('({a: 1})'), vm.runInNewContext('[new Map([[1, 2]])]'), vm.runInNewContext('new Date(5)'), deep(32)]) {
    const w = new Writer(8);
    w.value(v);
    assert.deepEqual(JSON.stringify(new Reader(w.buf, 0, w.pos).value()), JSON.stringify(v));
  }
});

test('a getter that throws is the error that user code sees', () => {
  assert.throws(() => admit({ get a() { throw new Error('mine'); } }, new Writer()), /mine/);
});

test('D6 a frame that comes in pieces is read in time linear in its size', () => {
  const moved = (bytes) => {
    const reader = new FrameReader(1 << 30);
    const copy = Buffer.prototype.copy;
    let total = 0;
    const frame = Buffer.alloc(4 + bytes);
    frame.writeUInt32BE(bytes);
    Buffer.prototype.copy = function (...args) {
      const n = copy.apply(this, args);
      total += n;
      return n;
    };
    try {
      for (let at = 0; at < frame.length;) {
        const n = Math.min(65536, frame.length - at);
        reader.space().set(frame.subarray(at, at + n));
        reader.filled(n);
        at += n;
        assert.equal(reader.next(), at === frame.length);
      }
    } finally {
      Buffer.prototype.copy = copy;
    }
    assert.ok(reader.space().length > 0 && reader.buf.length <= 1 << 20, 'gives the memory back');
    return total;
  };
  assert.ok(moved(8 << 20) < 1 << 20);
  assert.ok(moved(32 << 20) < 1 << 20);
});

test('D7 a frame beyond the limit, and what is no frame, is refused with the bytes that stand there', () => {
  for (const text of ['hello world', '\0\0\0\0']) {
    const reader = new FrameReader(1 << 20);
    const bytes = Buffer.from(text);
    bytes.copy(reader.space());
    reader.filled(bytes.length);
    assert.throws(() => reader.next(), (e) => e instanceof WireError && e.message.includes(bytes.toString('hex')));
  }
});

test('decoders refuse random bytes with a WireError or take them, and nothing else', () => {
  const r = random(99);
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(Array.from({ length: r.below(24) }, () => r.of([r.below(256), 0x91, 0x81, 0xa1, 0xc7, 0xd6, 0xff, 0])));
    for (const read of [() => new Reader(bytes).value(), () => readColumn(1 + r.below(25), bytes, 0, bytes.length, 1 + r.below(5), {})]) {
      try {
        read();
      } catch (error) {
        assert.ok(error instanceof WireError, `${bytes.toString('hex')}: ${error.stack}`);
      }
    }
  }
});
