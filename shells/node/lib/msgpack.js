'use strict';
// msgpack: a Writer that grows and a Reader that trusts nothing. Written for
// speed where user code waits for it (strings, numbers, small objects): both
// are a third faster than JSON's native code on a small object (bench/codec.js).
const { types } = require('util');
const { isUtf8 } = require('buffer');
const { Timestamp, MAX_DEPTH, isWellFormed, isPlain, isContainer } = require('./values.js');

const TWO32 = 2 ** 32;

/** The peer sent something that the protocol does not allow. */
class WireError extends Error {
  get name() { return 'WireError'; }
}

/** Thrown by Writer.value; values.explain says why. One object: most of an error's price is its stack trace. */
const UNSENDABLE = new Error('a value cannot be sent');

const scratch = Buffer.alloc(8);
const scratchFloat = new Float64Array(scratch.buffer, scratch.byteOffset, 1);

/** A growing buffer. Its bytes are `buf` from 0 to `pos`; every method writes at `pos`. */
class Writer {
  constructor(size = 1024) {
    /** @type {any} a Buffer; utf8Write and utf8Slice are in every Node, and in no documentation */
    this.buf = Buffer.allocUnsafeSlow(size);
    this.pos = 0;
  }

  /** Makes room for n more bytes. */
  room(n) {
    if (this.pos + n > this.buf.length) this._grow(n);
  }

  _grow(n) {
    const bigger = Buffer.allocUnsafeSlow(Math.max(2 * this.buf.length, this.pos + n));
    this.buf.copy(bigger, 0, 0, this.pos);
    this.buf = bigger;
  }

  u8(v) {
    this.room(1);
    this.buf[this.pos++] = v;
  }

  /** Two bytes. */
  _u8(code, v) {
    this.room(2);
    this.buf[this.pos] = code;
    this.buf[this.pos + 1] = v;
    this.pos += 2;
  }

  /** A byte, then 16 bits. */
  _u16(code, v) {
    this.room(3);
    const { buf, pos } = this;
    buf[pos] = code;
    buf[pos + 1] = v >>> 8;
    buf[pos + 2] = v;
    this.pos = pos + 3;
  }

  /** A byte, then 32 bits. */
  _u32(code, v) {
    this.room(5);
    const { buf, pos } = this;
    buf[pos] = code;
    buf[pos + 1] = v >>> 24;
    buf[pos + 2] = v >>> 16;
    buf[pos + 3] = v >>> 8;
    buf[pos + 4] = v;
    this.pos = pos + 5;
  }

  nil() { this.u8(0xc0); }
  bool(v) { this.u8(v ? 0xc3 : 0xc2); }

  array(n) {
    if (n < 16) this.u8(0x90 | n);
    else if (n < 0x10000) this._u16(0xdc, n);
    else this._u32(0xdd, n);
  }

  map(n) {
    if (n < 16) this.u8(0x80 | n);
    else if (n < 0x10000) this._u16(0xde, n);
    else this._u32(0xdf, n);
  }

  /** A safe integer. */
  int(v) {
    if (v >= 0) {
      if (v < 0x80) this.u8(v);
      else if (v < 0x100) this._u8(0xcc, v);
      else if (v < 0x10000) this._u16(0xcd, v);
      else if (v < TWO32) this._u32(0xce, v);
      else this._u64(0xcf, v);
    } else if (v >= -32) this.u8(v & 0xff);
    else if (v >= -0x80) this._u8(0xd0, v & 0xff);
    else if (v >= -0x8000) this._u16(0xd1, v);
    else if (v >= -0x80000000) this._u32(0xd2, v);
    else this._u64(0xd3, v);
  }

  _u64(code, v) {
    this.room(9);
    this._u32(code, Math.floor(v / TWO32));
    this.buf.writeUInt32BE(v >>> 0, this.pos);
    this.pos += 4;
  }

  float(v) {
    this.room(9);
    const { buf, pos } = this;
    scratchFloat[0] = v;
    if (v !== v) scratch[0] = 1; // the one NaN that is written by all of us
    buf[pos] = 0xcb;
    for (let i = 0; i < 8; i++) buf[pos + 1 + i] = scratch[7 - i];
    this.pos = pos + 9;
  }

  number(v) {
    if (Number.isSafeInteger(v) && (v !== 0 || 1 / v > 0)) this.int(v);
    else this.float(v);
  }

  bigint(v) {
    if (v >= Number.MIN_SAFE_INTEGER && v <= Number.MAX_SAFE_INTEGER) return this.int(Number(v));
    if (BigInt.asIntN(64, v) !== v) throw UNSENDABLE;
    this.room(9);
    this.buf[this.pos] = v < 0n ? 0xd3 : 0xcf;
    this.buf.writeBigInt64BE(v, this.pos + 1);
    this.pos += 9;
  }

  /** A string. Short ASCII ones, which most are, are copied here: a native call costs more. */
  str(v) {
    const n = v.length;
    if (n > 48) return this._longStr(v);
    this.room(n + 2);
    const { buf } = this;
    let at = this.pos;
    if (n < 32) buf[at++] = 0xa0 | n;
    else {
      buf[at++] = 0xd9;
      buf[at++] = n;
    }
    for (let i = 0; i < n; i++) {
      const c = v.charCodeAt(i);
      if (c > 0x7f) return this._longStr(v);
      buf[at++] = c;
    }
    this.pos = at;
  }

  _longStr(v) {
    if (!isWellFormed(v)) throw UNSENDABLE;
    const n = Buffer.byteLength(v);
    if (n < 32) this.u8(0xa0 | n);
    else if (n < 0x100) this._u8(0xd9, n);
    else if (n < 0x10000) this._u16(0xda, n);
    else this._u32(0xdb, n);
    this.room(n);
    this.pos += this.buf.utf8Write(v, this.pos);
  }

  /** A Uint8Array. */
  bin(v) {
    this._binHead(v.length);
    this.raw(v);
  }

  _binHead(n) {
    if (n < 0x100) this._u8(0xc4, n);
    else if (n < 0x10000) this._u16(0xc5, n);
    else this._u32(0xc6, n);
  }

  /** Bytes as they are. */
  raw(v) {
    this.room(v.length);
    this.buf.set(v, this.pos);
    this.pos += v.length;
  }

  /** The first n of a list of 32-bit unsigned numbers, as the bin that PROTOCOL.md calls u32s. */
  u32s(numbers, n = numbers.length) {
    this._binHead(4 * n);
    this.room(4 * n);
    const { buf } = this;
    let at = this.pos;
    for (let i = 0; i < n; i++, at += 4) {
      const v = numbers[i];
      buf[at] = v;
      buf[at + 1] = v >>> 8;
      buf[at + 2] = v >>> 16;
      buf[at + 3] = v >>> 24;
    }
    this.pos = at;
  }

  _date(v) {
    const parts = Timestamp.split(v);
    if (parts === null) throw UNSENDABLE;
    const [seconds, nanoseconds] = parts;
    this.room(15);
    const { buf, pos } = this;
    if (nanoseconds === 0 && seconds >= 0n && seconds < 1n << 32n) {
      buf.writeUInt16BE(0xd6ff, pos);
      buf.writeUInt32BE(Number(seconds), pos + 2);
      this.pos += 6;
    } else if (seconds >= 0n && seconds < 1n << 34n) {
      buf.writeUInt16BE(0xd7ff, pos);
      buf.writeBigUInt64BE((BigInt(nanoseconds) << 34n) | seconds, pos + 2);
      this.pos += 10;
    } else {
      buf.writeUIntBE(0xc70cff, pos, 3);
      buf.writeUInt32BE(nanoseconds, pos + 3);
      buf.writeBigInt64BE(seconds, pos + 7);
      this.pos += 15;
    }
  }

  /** Any value; UNSENDABLE is thrown for what is none. depth counts the arrays and maps around it. */
  value(v, depth = 0) {
    switch (typeof v) {
      case 'string': return this.str(v);
      case 'number': return this.number(v);
      case 'boolean': return this.bool(v);
      case 'bigint': return this.bigint(v);
      case 'object': return v === null ? this.nil() : this._object(v, depth);
      default: throw UNSENDABLE;
    }
  }

  _object(v, depth) {
    if (Array.isArray(v)) {
      if (depth === MAX_DEPTH) throw UNSENDABLE;
      this.array(v.length);
      for (let i = 0; i < v.length; i++) this.value(v[i], depth + 1);
    } else if (isPlain(Object.getPrototypeOf(v))) {
      if (depth === MAX_DEPTH) throw UNSENDABLE;
      const keys = Object.keys(v);
      this.map(keys.length);
      for (let i = 0; i < keys.length; i++) {
        this.str(keys[i]);
        this.value(v[keys[i]], depth + 1);
      }
    } else if (types.isUint8Array(v)) this.bin(v);
    else if (types.isDate(v)) this._date(v);
    else if (types.isMap(v)) this._map(v, depth);
    else throw UNSENDABLE;
  }

  _map(v, depth) {
    if (depth === MAX_DEPTH) throw UNSENDABLE;
    this.map(v.size);
    for (const [key, x] of v) {
      if (isContainer(key)) throw UNSENDABLE;
      this.value(key, depth + 1);
      this.value(x, depth + 1);
    }
  }
}

const KNOWN = 1024; // strings that Reader.str remembers: a power of two
const known = new Array(KNOWN).fill('');

/** Reads msgpack from `buf`, from `pos` to `end`. What is not as it should be is a WireError. */
class Reader {
  constructor(buf, pos = 0, end = buf.length) {
    this.buf = buf;
    this.pos = pos;
    this.end = end;
  }

  /** Steps over n bytes and returns where they begin. */
  take(n) {
    const at = this.pos;
    if (n > this.end - at) throw new WireError(`cut short: ${n} bytes wanted, ${this.end - at} left`);
    this.pos = at + n;
    return at;
  }

  _u8() { return this.buf[this.take(1)]; }
  _u16() { return this.buf.readUInt16BE(this.take(2)); }
  _u32() { return this.buf.readUInt32BE(this.take(4)); }

  /** Any value; depth counts the arrays and maps around it. */
  value(depth = 0) {
    const c = this._u8();
    if (c < 0x80) return c;
    if (c >= 0xe0) return c - 0x100;
    if (c < 0x90) return this._map(c & 0x0f, depth);
    if (c < 0xa0) return this._array(c & 0x0f, depth);
    if (c < 0xc0) return this.str(c & 0x1f);
    switch (c) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6: return this.bytes(this._length(c - 0xc4));
      case 0xca: return this.buf.readFloatBE(this.take(4));
      case 0xcb: return this._float();
      case 0xcc: return this._u8();
      case 0xcd: return this._u16();
      case 0xce: return this._u32();
      case 0xcf: return this._int64(this.buf.readUInt32BE(this.take(8)));
      case 0xd0: return this.buf.readInt8(this.take(1));
      case 0xd1: return this.buf.readInt16BE(this.take(2));
      case 0xd2: return this.buf.readInt32BE(this.take(4));
      case 0xd3: return this._int64(this.buf.readInt32BE(this.take(8)));
      case 0xd9: case 0xda: case 0xdb: return this.str(this._length(c - 0xd9));
      case 0xdc: return this._array(this._u16(), depth);
      case 0xdd: return this._array(this._u32(), depth);
      case 0xde: return this._map(this._u16(), depth);
      case 0xdf: return this._map(this._u32(), depth);
      case 0xd6: return this._timestamp(4);
      case 0xd7: return this._timestamp(8);
      case 0xc7: return this._timestamp(this._u8());
      default: throw new WireError(`byte 0x${c.toString(16)} starts no value`);
    }
  }

  /** A length of 8, 16 or 32 bits: width 0, 1 or 2. */
  _length(width) {
    return width === 0 ? this._u8() : width === 1 ? this._u16() : this._u32();
  }

  _float() {
    const { buf } = this;
    const at = this.take(8);
    for (let i = 0; i < 8; i++) scratch[7 - i] = buf[at + i];
    return scratchFloat[0];
  }

  /** The 64 bits before pos, whose high half is known. */
  _int64(high) {
    const v = high * TWO32 + this.buf.readUInt32BE(this.pos - 4);
    if (Number.isSafeInteger(v)) return v;
    if (high >= 2 ** 31) throw new WireError('an int beyond 64 signed bits');
    return this.buf.readBigInt64BE(this.pos - 8);
  }

  /** A string of n bytes. Short ones (keys above all) come again and again: a hash finds the one made before. */
  str(n) {
    const { buf } = this;
    const at = this.take(n);
    if (n > 16 || n === 0) return text(buf, at, at + n) ?? this._notText(at, n);
    let hash = n;
    for (let i = 0; i < n; i++) hash = (Math.imul(hash, 31) + buf[at + i]) | 0;
    const slot = (hash ^ (hash >>> 10)) & (KNOWN - 1);
    const before = known[slot];
    if (before.length === n) {
      let i = 0;
      while (i < n && before.charCodeAt(i) === buf[at + i]) i++;
      if (i === n) return before; // only ASCII is remembered: a byte is a character
    }
    const v = text(buf, at, at + n) ?? this._notText(at, n);
    if (v.length === n && typeof v === 'string') known[slot] = v;
    return v;
  }

  /** A str that is not UTF-8 arrives as bytes, as it does everywhere. */
  _notText(at, n) {
    return Buffer.from(this.buf.subarray(at, at + n));
  }

  /** A Buffer with memory of its own. */
  bytes(n) {
    const at = this.take(n);
    return Buffer.from(this.buf.subarray(at, at + n));
  }

  _enter(n, least, depth) {
    if (n * least > this.end - this.pos) throw new WireError(`${n} values declared, ${this.end - this.pos} bytes left`);
    if (depth >= MAX_DEPTH) throw new WireError(`nested deeper than ${MAX_DEPTH}`);
  }

  _array(n, depth) {
    this._enter(n, 1, depth);
    const out = new Array(n);
    for (let i = 0; i < n; i++) out[i] = this.value(depth + 1);
    return out;
  }

  /** A map: an object when all its keys are strings, else a Map. */
  _map(n, depth) {
    this._enter(n, 2, depth);
    const out = {};
    for (let i = 0; i < n; i++) {
      const key = this.value(depth + 1);
      if (typeof key !== 'string') return this._oddMap(new Map(Object.entries(out)), key, n - i, depth);
      const v = this.value(depth + 1);
      if (key === '__proto__') Object.defineProperty(out, key, { value: v, writable: true, enumerable: true, configurable: true });
      else out[key] = v;
    }
    return out;
  }

  _oddMap(out, key, left, depth) {
    for (;;) {
      if (isContainer(key)) throw new WireError('a map key is a list or a map');
      out.set(key, this.value(depth + 1));
      if (--left === 0) return out;
      key = this.value(depth + 1);
    }
  }

  _timestamp(n) {
    const type = this._u8();
    if (type !== 0xff) throw new WireError(`extension type ${type}`);
    const at = this.take(n);
    let seconds, nanoseconds = 0;
    if (n === 4) seconds = BigInt(this.buf.readUInt32BE(at));
    else if (n === 8) {
      const both = this.buf.readBigUInt64BE(at);
      seconds = both & ((1n << 34n) - 1n);
      nanoseconds = Number(both >> 34n);
    } else if (n === 12) {
      nanoseconds = this.buf.readUInt32BE(at);
      seconds = this.buf.readBigInt64BE(at + 4);
    } else throw new WireError(`a timestamp of ${n} bytes`);
    if (nanoseconds > 999999999) throw new WireError(`a timestamp with ${nanoseconds} nanoseconds`);
    const ms = Number(seconds) * 1000 + nanoseconds / 1e6;
    return nanoseconds % 1e6 === 0 && Math.abs(ms) <= 8.64e15 ? new Date(ms) : new Timestamp(seconds, nanoseconds);
  }
}

/**
 * Decodes UTF-8; null for bytes that are none. They become U+FFFD on the way,
 * so only a string that has one is looked at twice.
 */
function text(buf, start, end) {
  const v = buf.utf8Slice(start, end);
  return v.includes('\ufffd') && !isUtf8(buf.subarray(start, end)) ? null : v;
}

module.exports = { Writer, Reader, WireError, UNSENDABLE, text };
