'use strict';
// What may be sent, and the words for what may not. multilang/testdata/README.md
// lists the values. Numbers: an integral number is an int where it is a safe
// integer other than -0, else a float; a BigInt is an int of 64 bits. An int
// beyond the safe integers arrives as a BigInt, so that it goes out again as
// what it was.
const { types } = require('util');

const MAX_DEPTH = 32; // nesting of arrays and maps in a value

/**
 * A Date that remembers nanoseconds: what arrives when a timestamp has more
 * digits than a Date, or lies beyond its range. Emitted unchanged it goes out
 * as it came; changed by one of Date's setters it is an ordinary Date.
 */
class Timestamp extends Date {
  #seconds;
  #nanoseconds;
  #ms; // of the Date, to tell a change

  /** @param {bigint|number} seconds since 1970 @param {number} nanoseconds 0 to 999999999 after them */
  constructor(seconds, nanoseconds = 0) {
    super(Number(seconds) * 1000 + Math.floor(nanoseconds / 1e6));
    this.#seconds = BigInt(seconds);
    this.#ms = this.getTime();
    this.#nanoseconds = nanoseconds;
  }

  /** Nanoseconds after the last full second. */
  get nanoseconds() { return this.#nanoseconds; }

  /** Returns [seconds since 1970, nanoseconds] of any Date; null if it is invalid. @returns {[bigint, number]|null} */
  static split(date) {
    const ms = date.getTime();
    if (#seconds in date && Object.is(ms, date.#ms)) return [date.#seconds, date.#nanoseconds];
    if (Number.isNaN(ms)) return null;
    const seconds = Math.floor(ms / 1000);
    return [BigInt(seconds), (ms - seconds * 1000) * 1e6];
  }
}

/** Tells whether a string is free of lone surrogates, that is, has a UTF-8 form. */
const isWellFormed = String.prototype.isWellFormed // Node 20
  ? (s) => s.isWellFormed()
  : (s) => !/\p{Surrogate}/u.test(s);

/** Tells whether an object with this prototype is a plain one; jest and vm have an Object of their own. */
function isPlain(proto) {
  return proto === Object.prototype || proto === null ||
    (Object.getPrototypeOf(proto) === null && Object.hasOwn(proto, 'isPrototypeOf'));
}

/** Tells whether a value would be a list or a map, which cannot be the key of one. */
function isContainer(v) {
  return typeof v === 'object' && v !== null && !types.isUint8Array(v) && !types.isDate(v);
}

// What to send instead, by the name of the class.
const HINTS = {
  Set: 'send [...value]', RegExp: 'send value.source', Promise: 'await it first', DataView: 'send its bytes',
  ArrayBuffer: 'send new Uint8Array(value)', SharedArrayBuffer: 'send new Uint8Array(value)',
  String: 'send value.valueOf()', Number: 'send value.valueOf()', Boolean: 'send value.valueOf()',
};
const SURROGATE_HINT = 'send it as a Buffer, or repair it with toWellFormed()';
const SENDABLE = 'null, booleans, numbers, BigInts, strings, Buffers, Dates, arrays, plain objects and Maps can be';

/** Returns a word for a value's type (`string`, `array`, `Set`), whatever the value does when it is asked. */
function typeName(v) {
  if (v === null || typeof v !== 'object') return v === null ? 'null' : typeof v;
  if (Array.isArray(v)) return 'array';
  try {
    const name = Object.getPrototypeOf(v)?.constructor?.name;
    return typeof name === 'string' && name !== 'Object' && name !== '' ? name : 'object';
  } catch {
    return 'object';
  }
}

/**
 * Returns the error for a value that cannot be sent: a TypeError or RangeError
 * whose message starts with `where`, then names the part of the value
 * (`user.tags[3]`), what was found there and what to send instead.
 */
function explain(v, where) {
  const { path, text, range } = flaw(v, '', 0) ?? { path: '', text: 'the value changes while it is read' };
  const message = `${where}${path && `, at ${path.replace(/^\./, '')}`}: ${text}`;
  return range ? new RangeError(message) : new TypeError(message);
}

/** Finds the first part of v that cannot be sent: {path, text, range: is it a RangeError}; null if there is none. */
function flaw(v, path, depth) {
  switch (typeof v) {
    case 'number': case 'boolean': return null;
    case 'string':
      return isWellFormed(v) ? null : { path, text: `the string holds lone surrogates and has no UTF-8 form; ${SURROGATE_HINT}` };
    case 'bigint':
      if (BigInt.asIntN(64, v) === v) return null;
      return { path, range: true, text: `a BigInt of ${v.toString(2).replace('-', '').length} bits does not fit in 64; send it as a string` };
    case 'object': return v === null ? null : flawInObject(v, path, depth);
    case 'undefined': return { path, text: 'undefined cannot be sent; send null, or leave it out' };
    default: return { path, text: `a ${typeof v} cannot be sent; ${SENDABLE}` };
  }
}

function flawInObject(v, path, depth) {
  if (types.isUint8Array(v)) return null;
  if (types.isDate(v)) return Timestamp.split(v) ? null : { path, range: true, text: 'an invalid Date cannot be sent' };
  const steps = stepsInto(v);
  if (!steps) return { path, text: `an instance of ${typeName(v)} cannot be sent; ${hint(v)}` };
  if (depth === MAX_DEPTH) return { path: '', range: true, text: `nested deeper than ${MAX_DEPTH} arrays and objects (or inside itself)` };
  for (const [step, part, isKey] of steps) {
    if (isKey && isContainer(part)) return { path: path + step, text: `a key of a Map cannot be an ${typeName(part)}` };
    const found = flaw(part, path + step, depth + 1);
    if (found) return found;
  }
  return null;
}

/** Lists the parts of a container as [how it is reached, the part, is it a key]; null if v is no container. */
function* partsOf(v) {
  if (Array.isArray(v)) {
    for (let i = 0; i < v.length; i++) yield [`[${i}]`, v[i]];
  } else if (types.isMap(v)) {
    for (const [key, x] of v) yield* [['.<key>', key, true], [`.get(${isContainer(key) ? '…' : JSON.stringify(String(key))})`, x]];
  } else {
    for (const key of Object.keys(v)) yield* [['.<key>', key], [/^[\w$]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`, v[key]]];
  }
}

function stepsInto(v) {
  return Array.isArray(v) || types.isMap(v) || isPlain(Object.getPrototypeOf(v)) ? partsOf(v) : null;
}

function hint(v) {
  if (Object.hasOwn(HINTS, typeName(v))) return HINTS[typeName(v)];
  if (types.isNativeError(v)) return 'send value.message';
  if (types.isTypedArray(v)) return 'send Array.from(value)';
  return typeof v.toJSON === 'function' ? 'send value.toJSON()' : 'send {...value}, or what it is made of';
}

module.exports = { Timestamp, MAX_DEPTH, SENDABLE, explain, typeName, isWellFormed, isPlain, isContainer };
