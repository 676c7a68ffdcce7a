'use strict';
// Columns: the values of one field for some rows, in the form that is quickest
// to read (multilang/PROTOCOL.md, "Body, level columns"). In memory a column is
// an array of scalars, Buffers and Packed values. The kind is chosen from the
// values alone, so that what a receiver gets never depends on which rows share
// a frame: one value of another type, and all of them travel as msgpack.
const { Reader, WireError, text } = require('./msgpack.js');
const { isWellFormed } = require('./values.js');

const NIL = 1, BOOL = 2, INT = 3, FLOAT = 4, STR = 5, TEXT = 6, BIN = 7, ANY = 8, JSONS = 9, NULLABLE = 16;
const TWO32 = 2 ** 32;
const MAX_HIGH = 2 ** 21; // high halves of safe integers lie in [-MAX_HIGH, MAX_HIGH)

/** A value that was encoded when it was emitted: bytes `start` to `end` of an arena, a Writer. */
class Packed {
  constructor(start, end) {
    this.start = start;
    this.end = end;
  }
}

/** Row `index` of a column holds a string without a UTF-8 form. */
class IllFormed extends Error {
  constructor(index) {
    super(`row ${index}: lone surrogate`);
    this.index = index;
    this.group = this.field = null; // who writes the column says so
  }
}

// Aligned memory, so that 64-bit values can be written as numbers rather than byte by byte.
let words = new Int32Array(2048);
let floats = new Float64Array(words.buffer);
let bytes = new Uint8Array(words.buffer);

function aligned(n) {
  if (n <= floats.length) return;
  words = new Int32Array(4 * n);
  floats = new Float64Array(words.buffer);
  bytes = new Uint8Array(words.buffer);
}

// ---- encoding

// What survey() finds in a column, as bits.
const HAS_NULL = 1, HAS_BOOL = 2, HAS_INT = 4, HAS_FLOAT = 8, HAS_STR = 16, HAS_BIN = 32, HAS_OTHER = 64;
const KIND_OF = { [HAS_BOOL]: BOOL, [HAS_INT]: INT, [HAS_FLOAT]: FLOAT, [HAS_STR]: STR, [HAS_BIN]: BIN };

let chars = 0; // of all strings that survey() has seen

function survey(values, n) {
  let has = 0, i = 0, length = 0;
  for (; i < n && typeof values[i] === 'string'; i++) length += values[i].length;
  if (i > 0) has = HAS_STR;
  for (; i < n; i++) {
    const v = values[i];
    switch (typeof v) {
      case 'string': has |= HAS_STR; length += v.length; break;
      case 'number': has |= Number.isSafeInteger(v) && (v !== 0 || 1 / v > 0) ? HAS_INT : HAS_FLOAT; break;
      case 'boolean': has |= HAS_BOOL; break;
      case 'bigint': has |= HAS_INT; break;
      default: has |= v === null ? HAS_NULL : v instanceof Packed ? HAS_OTHER : HAS_BIN;
    }
  }
  chars = length;
  return has;
}

/**
 * Writes the n values (n > 0, all of them) as one column. arena holds the
 * Packed ones. Throws IllFormed for a string with lone surrogates; then what
 * was written is to be dropped.
 */
function writeColumn(w, values, n, arena) {
  const has = survey(values, n);
  const head = w.pos;
  w.room(6);
  w.pos += 6;
  let kind = has === HAS_NULL ? NIL : KIND_OF[has & ~HAS_NULL] ?? ANY;
  if (kind < ANY && kind !== NIL && has & HAS_NULL) {
    writeNulls(w, values, n);
    kind += NULLABLE;
  }
  switch (kind & ~NULLABLE) {
    case BOOL: writeBools(w, values, n); break;
    case INT: writeInts(w, values, n); break;
    case FLOAT: writeFloats(w, values, n); break;
    case STR: if (!writeStrings(w, values, n)) kind += TEXT - STR, writeTexts(w, values, n); break;
    case BIN: writeBins(w, values, n); break;
    case ANY: writeAny(w, values, n, arena); break;
  }
  const size = w.pos - head - 6;
  w.buf[head] = 0xc9;
  w.buf.writeUInt32BE(size, head + 1);
  w.buf[head + 5] = kind;
}

function writeNulls(w, values, n) {
  const size = (n + 7) >> 3;
  w.room(size);
  w.buf.fill(0, w.pos, w.pos + size);
  for (let i = 0; i < n; i++) if (values[i] === null) w.buf[w.pos + (i >> 3)] |= 1 << (i & 7);
  w.pos += size;
}

function writeBools(w, values, n) {
  w.room(n);
  for (let i = 0; i < n; i++) w.buf[w.pos++] = values[i] === true ? 1 : 0;
}

function writeInts(w, values, n) {
  aligned(n);
  for (let i = 0; i < n; i++) {
    let v = values[i];
    if (typeof v === 'bigint') {
      words[2 * i] = Number(BigInt.asIntN(32, v));
      words[2 * i + 1] = Number(v >> 32n);
    } else {
      if (v === null) v = 0;
      words[2 * i] = v | 0;
      words[2 * i + 1] = Math.floor(v / TWO32);
    }
  }
  w.raw(bytes.subarray(0, 8 * n));
}

function writeFloats(w, values, n) {
  aligned(n);
  for (let i = 0; i < n; i++) {
    const v = values[i];
    floats[i] = v;
    if (v !== v) words[2 * i] = 1; // the one NaN that is written by all of us
  }
  w.raw(bytes.subarray(0, 8 * n));
}

/** Joined by NUL; returns false, with nothing written, if a value holds one. */
function writeStrings(w, values, n) {
  return chars > 20 * n ? writeLong(w, values, n) : writeShort(w, values, n);
}

function writeLong(w, values, n) {
  for (let i = 0; i < n; i++) if (values[i] !== null && values[i].includes('\0')) return false;
  const all = values.join('\0'); // null joins as the empty string
  if (!isWellFormed(all)) throw new IllFormed(values.findIndex((v) => v !== null && !isWellFormed(v)));
  w.room(all.length > 1 << 16 ? Buffer.byteLength(all) : 3 * all.length);
  w.pos += w.buf.utf8Write(all, w.pos);
  return true;
}

/** Copies character by character, which beats join() and a native call up to about 20 characters a value. */
function writeShort(w, values, n) {
  w.room(3 * chars + n);
  const { buf } = w;
  let at = w.pos;
  for (let i = 0; i < n; i++) {
    const v = values[i];
    const length = v === null ? 0 : v.length;
    for (let k = 0; k < length; k++) {
      const c = v.charCodeAt(k);
      if (c < 0x80) {
        if (c === 0) return false;
        buf[at++] = c;
      } else if (c < 0x800) {
        buf[at++] = 0xc0 | (c >> 6);
        buf[at++] = 0x80 | (c & 0x3f);
      } else if (c < 0xd800 || c > 0xdfff) {
        buf[at++] = 0xe0 | (c >> 12);
        buf[at++] = 0x80 | ((c >> 6) & 0x3f);
        buf[at++] = 0x80 | (c & 0x3f);
      } else {
        const point = v.codePointAt(k);
        if (point <= 0xffff) throw new IllFormed(i);
        k++;
        buf[at++] = 0xf0 | (point >> 18);
        buf[at++] = 0x80 | ((point >> 12) & 0x3f);
        buf[at++] = 0x80 | ((point >> 6) & 0x3f);
        buf[at++] = 0x80 | (point & 0x3f);
      }
    }
    buf[at++] = 0;
  }
  w.pos = at - 1; // no NUL after the last
  return true;
}

/** The lengths form, for values with a NUL inside. */
function writeTexts(w, values, n) {
  const lengths = w.pos;
  w.room(4 * n);
  w.pos += 4 * n;
  for (let i = 0; i < n; i++) {
    const v = values[i] ?? '';
    if (!isWellFormed(v)) throw new IllFormed(i);
    w.room(3 * v.length);
    const size = w.buf.utf8Write(v, w.pos);
    w.buf.writeUInt32LE(size, lengths + 4 * i);
    w.pos += size;
  }
}

function writeBins(w, values, n) {
  w.room(4 * n);
  for (let i = 0; i < n; i++) {
    w.buf.writeUInt32LE(values[i] === null ? 0 : values[i].length, w.pos);
    w.pos += 4;
  }
  for (let i = 0; i < n; i++) if (values[i] !== null) w.raw(values[i]);
}

function writeAny(w, values, n, arena) {
  for (let i = 0; i < n;) {
    if (!(values[i] instanceof Packed)) {
      writeScalar(w, values[i], i++);
      continue;
    }
    // Packed values mostly stand one after another: one copy for all of those.
    const { start } = values[i];
    let { end } = values[i++];
    while (i < n && values[i] instanceof Packed && values[i].start === end) end = values[i++].end;
    w.raw(arena.buf.subarray(start, end));
  }
}

/** Writes one value of a column as msgpack; i is its row, for IllFormed. */
function writeScalar(w, v, i) {
  if (typeof v === 'string' && !isWellFormed(v)) throw new IllFormed(i);
  w.value(v);
}

/** Writes n rows of columns as arrays, what level rows has for a body. */
function writeRows(w, columns, n, arena) {
  w.array(n);
  for (let i = 0; i < n; i++) {
    w.array(columns.length);
    for (let k = 0; k < columns.length; k++) {
      const v = columns[k][i];
      if (v instanceof Packed) w.raw(arena.buf.subarray(v.start, v.end));
      else writeScalar(w, v, i);
    }
  }
}

// ---- decoding

/**
 * Returns the n values of a column: bytes `start` to `end` of buf. memo is an
 * object that the caller keeps for the field: strings that come again and
 * again are found there instead of being made anew.
 */
function readColumn(kind, buf, start, end, n, memo) {
  if (kind <= NULLABLE) return readKind(kind, buf, start, end, n, memo);
  const bitmap = start + ((n + 7) >> 3);
  if (kind - NULLABLE < BOOL || kind - NULLABLE > BIN || bitmap > end) {
    throw new WireError(`a column of kind ${kind}, ${end - start} bytes`);
  }
  const values = readKind(kind - NULLABLE, buf, bitmap, end, n, memo);
  for (let i = 0; i < n; i++) if (buf[start + (i >> 3)] & (1 << (i & 7))) values[i] = null;
  return values;
}

function readKind(kind, buf, start, end, n, memo) {
  switch (kind) {
    case NIL: return sized(0, start, end), new Array(n).fill(null);
    case BOOL: return sized(n, start, end), readBools(buf, start, n);
    case INT: return sized(8 * n, start, end), readInts(buf, start, n);
    case FLOAT: return sized(8 * n, start, end), readFloats(buf, start, n);
    case STR: return readStrings(buf, start, end, n, memo);
    case TEXT: return readLengths(buf, start, end, n, (a, b) => text(buf, a, b) ?? notText());
    case BIN: return readLengths(buf, start, end, n, (a, b) => Buffer.from(buf.subarray(a, b)));
    case ANY: return readAny(buf, start, end, n);
    case JSONS: return readJson(buf, start, end, n);
    default: throw new WireError(`a column of unknown kind ${kind}`);
  }
}

function sized(want, start, end) {
  if (end - start !== want) throw new WireError(`a column of ${end - start} bytes, not ${want}`);
}

function notText() {
  throw new WireError('a str column is not UTF-8');
}

function readBools(buf, start, n) {
  const values = new Array(n);
  for (let i = 0; i < n; i++) {
    if (buf[start + i] > 1) throw new WireError(`a bool of ${buf[start + i]}`);
    values[i] = buf[start + i] === 1;
  }
  return values;
}

function readInts(buf, start, n) {
  aligned(n);
  bytes.set(buf.subarray(start, start + 8 * n));
  const values = new Array(n);
  for (let i = 0; i < n; i++) {
    const low = words[2 * i], high = words[2 * i + 1];
    if (high >= -MAX_HIGH && high < MAX_HIGH && (high !== -MAX_HIGH || low !== 0)) values[i] = high * TWO32 + (low >>> 0);
    else values[i] = (BigInt(high) << 32n) | BigInt(low >>> 0);
  }
  return values;
}

function readFloats(buf, start, n) {
  aligned(n);
  bytes.set(buf.subarray(start, start + 8 * n));
  const values = new Array(n);
  for (let i = 0; i < n; i++) values[i] = floats[i];
  return values;
}

// Strings of up to 12 bytes that were read lately, by hash. When three in four
// are found (words, names, states) it halves the time, in user code too: a Map
// need not hash the string again. When fewer are, split() is quicker.
const SHORT = 12, KNOWN = 4096, TRIAL = 256, RETRY = 1 << 15;
const known = new Array(KNOWN).fill('');
let missed = 0;

function readStrings(buf, start, end, n, memo) {
  const values = new Array(n);
  let at = start, i = 0;
  if (end - start <= (SHORT + 1) * n) {
    if (memo.pause > 0) memo.pause -= n;
    else {
      while (i < n && at <= end) { // in stretches, to stop when it does not pay
        const from = i;
        missed = 0;
        const to = Math.min(n, i + TRIAL);
        for (; i < to && at <= end; i++) at = remember(buf, at, end, values, i) + 1;
        if (4 * missed > i - from + 8) {
          memo.pause = RETRY;
          break;
        }
      }
    }
  }
  i = splitBlocks(buf, at, end, values, i, n);
  if (i !== n) throw new WireError(`a column of ${i} strings for ${n} rows`);
  return values;
}

/** Reads the value at `at` into values[i] and returns where it ends. */
function remember(buf, at, end, values, i) {
  let hash = 0, stop = at;
  for (; stop < end; stop++) {
    const c = buf[stop];
    if (c === 0) break;
    hash = (Math.imul(hash, 31) + c) | 0;
  }
  const n = stop - at;
  const slot = (hash ^ (hash >>> 12)) & (KNOWN - 1);
  const before = known[slot];
  if (before.length === n) {
    let k = 0;
    while (k < n && before.charCodeAt(k) === buf[at + k]) k++;
    if (k === n) {
      values[i] = before;
      return stop;
    }
  }
  missed++;
  const v = text(buf, at, stop) ?? notText();
  if (n <= SHORT && v.length === n) known[slot] = v; // as long as its bytes: ASCII
  values[i] = v;
  return stop;
}

/**
 * Splits the rest at NUL into values from i on, returns the number of values.
 * By blocks of about 1 KiB: the parts of a split keep the whole alive (V8), and
 * user code that keeps one key of each frame must not keep all frames with it.
 */
function splitBlocks(buf, at, end, values, i, n) {
  while (at <= end && i < n) {
    let stop = Math.min(at + 1024, end);
    while (stop < end && buf[stop] !== 0) stop++;
    const parts = (text(buf, at, stop) ?? notText()).split('\0');
    if (parts.length > n - i) return i + parts.length;
    for (let k = 0; k < parts.length; k++) values[i++] = parts[k];
    at = stop + 1;
  }
  return at <= end ? i + 1 : i;
}

function readLengths(buf, start, end, n, make) {
  let at = start + 4 * n;
  if (at > end) throw new WireError(`a column of ${end - start} bytes has no ${n} lengths`);
  const values = new Array(n);
  for (let i = 0; i < n; i++) {
    const stop = at + buf.readUInt32LE(start + 4 * i);
    if (stop > end) throw new WireError(`row ${i} ends ${stop - end} bytes after its column`);
    values[i] = make(at, stop);
    at = stop;
  }
  sized(at - start, start, end);
  return values;
}

function readAny(buf, start, end, n) {
  const r = new Reader(buf, start, end);
  const values = new Array(n);
  for (let i = 0; i < n; i++) values[i] = r.value();
  if (r.pos !== end) throw new WireError(`${end - r.pos} bytes follow the last of ${n} values`);
  return values;
}

function readJson(buf, start, end, n) {
  let json = (text(buf, start, end) ?? notText()).replaceAll('\n', ',');
  const tag = json.includes('9007199254740992') ? `int ${Math.random()} ` : null;
  if (tag !== null) json = tagLargest(json, tag);
  const revive = (_, v) => (typeof v === 'string' && v.startsWith(tag) ? BigInt(v.slice(tag.length)) : v);
  let values;
  try {
    values = JSON.parse(`[${json}]`, tag === null ? undefined : revive);
  } catch (error) {
    throw new WireError(`a JSON column: ${error.message}`);
  }
  if (values.length !== n) throw new WireError(`a column of ${values.length} JSON texts for ${n} rows`);
  return values;
}

/** The ints 2^53 and -2^53 are exact in JSON, but no safe integers: they must become BigInts, and the float 2^53 must not. */
function tagLargest(json, tag) {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) => (/^-?9007199254740992$/.test(token) ? `"${tag}${token}"` : token));
}

module.exports = { Packed, IllFormed, writeColumn, writeRows, readColumn };
