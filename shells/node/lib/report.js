'use strict';
// What a component says besides rows: its errors, log lines and metrics.
const path = require('path');
const { shown } = require('./lane.js');

const SDK = __dirname + path.sep, INDEX = path.join(__dirname, '..', 'index.');
// Bytes: no frame is larger than its rows by more than 64 KiB.
const TYPE_BYTES = 256, MESSAGE_BYTES = 8 << 10, TRACE_BYTES = 24 << 10, LOG_BYTES = 32 << 10;

// ---- errors

/**
 * Returns the protocol's error map for whatever was thrown. Never throws,
 * whatever the thrown thing does. kind is 'exception', or 'fail' when user
 * code asked for it; place is where the stack says, relative to the bundle.
 */
function describe(error, bundle, kind = 'exception') {
  if (isMistake(error)) return mistake(error, bundle);
  const stack = stackOf(error);
  const { type, message } = nameOf(error);
  return {
    kind,
    type: clean(type, TYPE_BYTES),
    message: clean(message, MESSAGE_BYTES),
    traceback: clean(stack.text.trimEnd(), TRACE_BYTES),
    place: placeIn(stack.frames, bundle),
  };
}

/** A component cannot run as it is written: the message says what to change, and `at` is an error made where that stands. */
class ComponentError extends TypeError {
  constructor(message, at) {
    super(message);
    this.name = 'ComponentError';
    this.at = at;
  }
}

const isMistake = (v) => {
  try {
    return v instanceof ComponentError;
  } catch {
    return false; // a proxy
  }
};

/** Returns the error map for a ComponentError: the traceback is the lines of the user's that led to it, and does not repeat the message. */
function mistake(error, bundle) {
  const { frames } = stackOf(error.at);
  return { kind: 'exception', type: error.name, message: clean(error.message, MESSAGE_BYTES), traceback: clean(frames.join('\n'), TRACE_BYTES), place: placeIn(frames, bundle) };
}

/** Returns the error map for a fail() that gave a reason, or none, with the place of its caller. */
function failure(reason, bundle) {
  const { frames } = stackOf(new Error());
  const message = reason === undefined || reason === null ? '' : typeof reason === 'string' ? reason : shown(reason);
  return { kind: 'fail', type: '', message: clean(message, MESSAGE_BYTES), traceback: '', place: placeIn(frames, bundle) };
}

/** Returns the error for an argument that is not what caller, a function of ours, takes: its stack begins where that was called. */
function notTaken(message, caller) {
  const error = new TypeError(message);
  Error.captureStackTrace(error, caller);
  return error;
}

/** Returns file:line of the user's code that led to an error. */
const callerOf = (error, bundle) => clean(placeIn(stackOf(error).frames, bundle), MESSAGE_BYTES);

/** Calls get and returns a string, or says that it failed: toString and getters of a thrown thing are user code. */
function attempt(get) {
  try {
    return String(get());
  } catch {
    return '<cannot be shown: its toString or a getter throws>';
  }
}

const isError = (v) => {
  try {
    return v instanceof Error || Object.prototype.toString.call(v) === '[object Error]';
  } catch {
    return false; // a proxy
  }
};

function nameOf(error) {
  if (isError(error)) return { type: attempt(() => error.name), message: attempt(() => error.message) };
  return { type: error === null ? 'null' : typeof error, message: typeof error === 'string' ? error : shown(error) };
}

/** Returns the frames of an error's stack that are not ours or Node's, and its text without those, with its causes. */
function stackOf(error) {
  let frames = [], text = '', next = error;
  for (let depth = 0; depth < 5 && isError(next); depth++) {
    const own = trimmed(next);
    if (depth === 0) frames = own.frames;
    text += (depth ? 'Caused by: ' : '') + own.text + '\n';
    for (const part of partsOf(next)) text += `  of which: ${trimmed(part).text.replaceAll('\n', '\n  ')}\n`;
    try {
      next = next.cause;
    } catch {
      next = undefined;
    }
  }
  return { frames, text };
}

function trimmed(error) {
  const { type, message } = nameOf(error);
  let stack = attempt(() => error.stack);
  const at = stack.search(/^ {4}at /m);
  // A message that was changed after the stack was taken, or that the stack leaves out, is put in front.
  let head = at < 0 ? stack : stack.slice(0, at).trimEnd();
  if (!head.includes(message)) head = `${type}: ${message}`;
  const frames = at < 0 ? [] : stack.slice(at).split('\n').filter((line) => !isOurs(line));
  return { frames, text: [head, ...frames].join('\n') };
}

function partsOf(error) {
  try {
    return Array.isArray(error.errors) ? error.errors.slice(0, 5).filter(isError) : [];
  } catch {
    return [];
  }
}

const isOurs = (line) => line.includes(SDK) || line.includes(INDEX) || line.includes('node:internal/') || line.includes('polybolt:add') || line.trim() === '';

/** Returns file:line of the innermost frame in the bundle outside node_modules, else of the innermost one. */
function placeIn(frames, bundle) {
  const places = [];
  for (const line of frames) {
    const found = /(?:\(|at (?:async )?)((?:file:\/\/)?[^()]*):(\d+):\d+\)?$/.exec(line);
    if (found) places.push([relative(found[1], bundle), found[2]]);
  }
  const own = places.find(([file]) => !path.isAbsolute(file) && !file.includes('node_modules') && !file.startsWith('node:'));
  return (own ?? places[0] ?? []).join(':');
}

function relative(file, bundle) {
  const name = file.startsWith('file://') ? attempt(() => require('url').fileURLToPath(file)) : file;
  return bundle && name.startsWith(bundle + path.sep) ? name.slice(bundle.length + 1) : name;
}

/** Returns text with a UTF-8 form, cut in its middle to limit bytes of that. */
function clean(text, limit) {
  if (text.length > limit || Buffer.byteLength(text) > limit) {
    const half = limit / 2;
    const head = Buffer.from(text.slice(0, half)).subarray(0, half).toString().replace(/\ufffd+$/, '');
    const tail = Buffer.from(text.slice(-half)).subarray(-half).toString().replace(/^\ufffd+/, '');
    text = `${head}\n… ${text.length - head.length - tail.length} characters left out …\n${tail}`;
  }
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

// ---- log

/** The protocol's levels by name. */
const LEVELS = { trace: 0, debug: 1, info: 2, warn: 3, error: 4 };

/** Log lines with a level; arguments are those of console.log. They reach the host at once. */
class Logger {
  #send;

  /** @param {(level: number, args: any[]) => void} send */
  constructor(send) {
    this.#send = send;
  }

  trace(...args) { this.#send(LEVELS.trace, args); }
  debug(...args) { this.#send(LEVELS.debug, args); }
  info(...args) { this.#send(LEVELS.info, args); }
  warn(...args) { this.#send(LEVELS.warn, args); }
  error(...args) { this.#send(LEVELS.error, args); }
}

const logText = (text) => clean(text, LOG_BYTES);

// ---- metrics

const OBSERVATIONS = 4096; // of a histogram, kept for one message

/** A number that grows. */
class Counter {
  constructor(touch) {
    this._touch = touch;
    this._n = 0;
  }

  inc(n = 1) {
    this._n += number(n);
    this._touch();
  }

  take() {
    const n = this._n;
    this._n = 0;
    return n === 0 ? null : n;
  }
}

/** A number that goes up and down. */
class Gauge {
  constructor(touch) {
    this._touch = touch;
    this._value = null;
  }

  set(value) {
    this._value = number(value);
    this._touch();
  }

  take() {
    const value = this._value;
    this._value = null;
    return value;
  }
}

/** A distribution. More than 4,096 observations a second are thinned out evenly. */
class Histogram {
  constructor(touch) {
    this._touch = touch;
    this.take();
  }

  observe(value) {
    if (this._seen++ % this._every !== 0) return;
    if (this._values.length === OBSERVATIONS) {
      this._values = this._values.filter((_, i) => i % 2 === 0);
      this._every *= 2;
    }
    this._values.push(number(value));
    this._touch();
  }

  take() {
    const values = this._values;
    this._values = [];
    this._seen = 0;
    this._every = 1;
    return values?.length ? values : null;
  }
}

function number(v) {
  if (typeof v !== 'number') throw new TypeError(`a metric takes a number, got ${shown(v)}`);
  return v;
}

/** The component's own metrics by name; nothing to register. They are sent once a second and at the end. */
class Metrics {
  #all = new Map();
  #touch;

  /** @param {() => void} touch is called whenever something is new */
  constructor(touch) {
    this.#touch = touch;
  }

  counter(name) { return this.#named(name, Counter); }
  gauge(name) { return this.#named(name, Gauge); }
  histogram(name) { return this.#named(name, Histogram); }

  /** Starts a clock; the function returned stops it and puts the seconds into the histogram of that name. */
  timer(name) {
    const histogram = this.histogram(name);
    const start = performance.now();
    return () => histogram.observe((performance.now() - start) / 1000);
  }

  #named(name, Kind) {
    let metric = this.#all.get(name);
    if (metric === undefined) {
      if (typeof name !== 'string' || name === '') throw new TypeError(`a metric's name is a string, not ${shown(name)}`);
      this.#all.set(name, metric = new Kind(this.#touch));
    }
    if (!(metric instanceof Kind)) {
      throw new TypeError(`metric ${JSON.stringify(name)} is a ${metric.constructor.name.toLowerCase()} already`);
    }
    return metric;
  }

  /** Returns [name, kind, value] of each that has something new, and starts afresh. */
  take() {
    const taken = [];
    for (const [name, metric] of this.#all) {
      const value = metric.take();
      if (value !== null) taken.push([name, metric.constructor.name.toLowerCase(), value]);
    }
    return taken;
  }
}

module.exports = { ComponentError, describe, failure, callerOf, notTaken, isError, Logger, LEVELS, logText, Metrics };
