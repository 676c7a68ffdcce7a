'use strict';
// Code that waits: async functions, promises, callbacks. Up to `concurrency`
// rows are in progress, and end in any order. Frames are covered front to back;
// a row that ends ahead of its turn is reported by name.
const { Component, isThenable, Scope } = require('./component.js');
const { caller, isIterator } = require('./inturn.js');
const { ERROR_BYTES, weigh } = require('./outbox.js');
const { ACKED, FAILED, OPEN } = require('./tuple.js');

const FLUSH_MS = 5; // an ended row waits no longer, unless user code blocks the thread

// Of a row: in progress; ended, and not reported yet; reported.
const BUSY = 0, DONE = 1, HELD = 2, BROKEN = 3, TOLD = 4;

const kindOf = (fn) => fn.constructor.name; // AsyncFunction, AsyncGeneratorFunction, GeneratorFunction, Function

class Waiting {
  constructor(component, lane) {
    this.component = component;
    this.lane = lane;
    this.frames = []; // not wholly covered, oldest first; each has first, states, errors
    this.ended = []; // [frame, row] since the last reply
    this.since = 0; // when the first of those ended
    this.unscoped = []; // tuples in progress whose code does not know its scope, of those that should
    const { user } = component;
    this.isFunction = user.fn !== undefined;
    this.isBatch = !this.isFunction && typeof user.processBatch === 'function';
    if (this.isFunction) {
      this.call = caller(component, user.fn);
      this.scoped = component.outbox.all.length > 1 || lane === undefined || /\bemitTo\b/.test(String(user.fn)); // emitTo() needs to know its row
      this.isKnown = kindOf(user.fn).startsWith('Async');
    } else {
      this.scoped = true;
      this.isKnown = this.isBatch || kindOf(user.process) === 'AsyncFunction' || user.process.length > 1;
    }
    this.saves = !this.scoped; // scopes, which take time, as long as nobody asks for them
  }

  /** Starts rows of a frame, as many as may be in progress. */
  start(frame) {
    this.begin(frame);
    if (this.isBatch) return this.startBatch(frame);
    const { component } = this;
    while (frame.next < frame.n && component.active < component.concurrency) this.startRow(frame, frame.next++);
  }

  begin(frame) {
    if (frame.states !== undefined) return;
    frame.first = 0; // the first row that is not covered
    frame.states = new Uint8Array(frame.n);
    frame.errors = new Map(); // row → error map
    this.frames.push(frame);
  }

  startRow(frame, row) {
    const tup = this.isFunction && !this.scoped ? null : tupleOf(frame, row);
    const run = () => (this.isFunction ? this.runFunction(frame, row) : this.component.invoke('process', [tup]));
    let returned;
    try {
      returned = this.scoped ? Scope.run(this.component, [tup], run) : run();
    } catch (error) {
      return this.end(frame, row, tup, error, true);
    }
    if (isThenable(returned)) this.await(frame, row, tup, returned);
    else this.end(frame, row, tup);
  }

  await(frame, row, tup, promise) {
    const { component } = this;
    component.active++;
    const end = (error, failed) => {
      component.active--;
      this.end(frame, row, tup, error, failed);
      component.pump();
    };
    promise.then(() => end(undefined, false), (error) => end(error, true));
  }

  /** A function that was not known to wait has returned a promise, in the middle of a frame. Returns where to go on. */
  takeOver(frame, row, tup, promise) {
    const { component } = this;
    component.outbox.flush();
    component.wait();
    this.begin(frame);
    frame.first = row;
    frame.states.fill(TOLD, 0, row);
    tup ??= tupleOf(frame, row);
    if (tup._state !== OPEN) this.settle(frame.seq, row, tup._error ?? null); // by its code, before it waited
    this.unscoped.push(tup); // it was called without a scope
    const forget = () => {
      this.unscoped = this.unscoped.filter((other) => other !== tup);
    };
    const result = this.isFunction ? promise.then((v) => this.emitAll(v, frame, row)) : Promise.resolve(promise);
    this.await(frame, row, tup, result.finally(forget));
    return row + 1;
  }

  /** The tuples that an emit outside of any scope may come from. Where scopes were saved, that is any in progress: rows that start from now on have one. */
  inHand() {
    if (!this.saves) return this.unscoped;
    this.scoped = true;
    const tuples = [];
    for (const frame of this.frames) {
      for (let row = frame.first; row < frame.next; row++) if (frame.states[row] === BUSY) tuples.push(tupleOf(frame, row));
    }
    return tuples;
  }

  // ---- functions

  runFunction(frame, row) {
    Component.active = this.component;
    const returned = this.call(frame.input.make(frame.columns, row), frame, row);
    return isThenable(returned) ? returned.then((v) => this.emitAll(v, frame, row)) : this.emitAll(returned, frame, row);
  }

  /** Emits what a function returned; a promise, if that takes time. */
  emitAll(v, frame, row) {
    if (v !== null && typeof v === 'object') {
      if (typeof v[Symbol.asyncIterator] === 'function') return this.emitEach(v, frame, row);
      if (isIterator(v)) {
        for (const x of v) this.emitOne(x, frame, row);
        return undefined;
      }
    }
    this.emitOne(v, frame, row);
    return undefined;
  }

  async emitEach(values, frame, row) {
    for await (const v of values) {
      this.emitOne(v, frame, row);
      this.component.flushLater();
    }
  }

  emitOne(v, frame, row) {
    if (v === undefined || v === null) return;
    const { component, lane } = this;
    if (lane === undefined) component.outbox.refuse(v);
    component.outbox.emit(lane, lane.fields.length === 1 ? [v] : v, [frame.seq, row]);
  }

  // ---- batches

  startBatch(frame) {
    const { component } = this;
    const tuples = Array.from({ length: frame.n }, (_, row) => tupleOf(frame, row));
    frame.next = frame.n;
    component.active++;
    const end = (error, failed) => {
      component.active--;
      this.endBatch(frame, tuples.filter((tup) => tup._state === OPEN), error, failed);
      component.flush();
      component.pump();
    };
    const run = async () => component.invoke('processBatch', [tuples.slice()]);
    Scope.run(component, tuples, run).then(() => end(undefined, false), (error) => end(error, true));
  }

  /** A batch has ended with these tuples open; an exception fails them all, and is told in full once. */
  endBatch(frame, open, error, failed) {
    const { component } = this;
    if (!failed || !component.user.autoFail || open.length === 0) {
      if (failed) component.report(error);
      const held = failed || !component.user.autoAck;
      for (const tup of open) this.leave(frame, tup, held ? HELD : DONE);
      return;
    }
    const map = component.describe(error);
    for (const tup of open) this.leave(frame, tup, BROKEN, tup === open[0] ? map : { ...map, traceback: '' });
  }

  // ---- ends

  /** A row's code has ended. */
  end(frame, row, tup, error, failed) {
    const { component } = this;
    const { autoAck = true, autoFail = true } = component.user;
    component.flushLater();
    if (tup !== null && tup._state !== OPEN) {
      if (failed) component.report(error); // what user code has said of the tuple stands
    } else if (failed && autoFail) this.leave(frame, tup, BROKEN, component.describe(error), row);
    else {
      if (failed) component.report(error);
      this.leave(frame, tup, failed || !autoAck ? HELD : DONE, undefined, row);
    }
  }

  /** Nothing of the row is in progress any more. */
  leave(frame, tup, state, error, row = tup._row) {
    if (tup !== null) {
      if (state === HELD) tup._held = true;
      else tup._state = state === DONE ? ACKED : FAILED;
    }
    this.mark(frame, row, state, error);
  }

  /** User code has acked or failed a row whose frame is not covered so far. */
  settle(seq, row, error) {
    const frame = this.frames.find((f) => f.seq === seq);
    this.mark(frame, row, error === null ? DONE : BROKEN, error);
  }

  mark(frame, row, state, error) {
    frame.states[row] = state;
    if (state === BROKEN) frame.errors.set(row, error);
    this.ended.push([frame, row]);
    const now = performance.now();
    if (this.ended.length === 1) this.since = now;
    else if (now - this.since > FLUSH_MS) this.flush(); // code that does not let the loop turn
  }

  /** Sends what there is: what is covered, what ended ahead of its turn, what was emitted. */
  flush() {
    const { outbox } = this.component;
    const covers = this.cover();
    for (const [frame, row] of this.ended.splice(0)) {
      const { states } = frame;
      if (states[row] !== DONE && states[row] !== BROKEN) continue; // held, or covered
      const error = states[row] === DONE ? null : frame.errors.get(row);
      states[row] = TOLD;
      outbox.release(frame.seq, row, error);
    }
    // The first reply takes what was emitted along: it may be anchored to what is covered.
    for (const { seq, first, n, failed, held } of covers) outbox.reply(seq, first, n, failed, held);
    outbox.flush();
  }

  /** Lists the replies that cover what has ended, front to back; one reply holds so much of errors. */
  cover() {
    const covers = [];
    while (this.frames.length > 0) {
      const frame = this.frames[0];
      while (frame.first < frame.n && frame.states[frame.first] !== BUSY) covers.push(coverOf(frame));
      if (frame.first < frame.n) break;
      this.frames.shift();
    }
    return covers;
  }
}

function coverOf(frame) {
  const { seq, states, errors } = frame;
  const cover = { seq, first: frame.first, n: 0, failed: [], held: [] };
  let size = 0;
  for (; frame.first < frame.n && states[frame.first] !== BUSY && size < ERROR_BYTES; frame.first++, cover.n++) {
    const row = frame.first;
    if (states[row] === HELD) cover.held.push(row);
    else if (states[row] === BROKEN) {
      cover.failed.push([row, errors.get(row)]);
      size += weigh(errors.get(row));
    }
    states[row] = TOLD;
  }
  return cover;
}

function tupleOf(frame, row) {
  return new frame.input.Tuple(frame.seq, row, frame.taskOf(row), frame.columns);
}

module.exports = { Waiting };
