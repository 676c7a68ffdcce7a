'use strict';
// Code that does not wait: a frame is worked through in one go, row after row,
// and the row in progress is known, so that an emit is a push and no more.
const { BY_ROW } = require('./outbox.js');
const { Component, isThenable } = require('./component.js');
const { OPEN, ACKED, FAILED } = require('./tuple.js');

const FLUSH_MS = 5; // a finished row waits no longer, unless user code blocks the thread
const MOST_ROWS = 32; // between two looks at the clock

/** What the two forms share: the pace. A subclass has rows(frame, from, to), which returns where it stopped. */
class InTurn {
  /** Where a Bolt keeps the add() of its default stream while emits may use it. */
  static ADD = Symbol('add');
  /** The method of a Bolt that has an InTurn of its own: (component, lane of the default stream) → that. */
  static MAKE = Symbol('make');

  constructor(component) {
    this.component = component;
    this.outbox = component.outbox;
    this.step = 1; // rows between two looks at the clock
  }

  /** Works on rows [from, to) and returns where it stopped: before `to` if a row waits. */
  rows(frame, from, to) { return to; }

  /** Works through a frame, or up to a row that turns out to wait. */
  work(frame) {
    const { component } = this;
    component.working = true;
    Component.active = component;
    this.outbox.begin(frame.seq);
    this.paced(frame);
    component.working = false;
  }

  paced(frame) {
    const { outbox } = this;
    let last = performance.now(), sent = last;
    while (frame.next < frame.n) {
      const to = Math.min(frame.n, frame.next + this.step);
      frame.next = this.rows(frame, frame.next, to);
      if (outbox.mode !== BY_ROW) return; // it waits
      const now = performance.now();
      if (now - last > 1) this.step = Math.max(1, this.step >> 1);
      else if (now - last < 0.3) this.step = Math.min(MOST_ROWS, 2 * this.step);
      last = now;
      if (now - sent > FLUSH_MS) {
        outbox.flush();
        sent = now;
      }
    }
    outbox.flush();
  }
}

/** A Bolt's process(). */
class TuplesInTurn extends InTurn {
  constructor(component, lane) {
    super(component);
    this.add = lane === undefined ? null : lane.add;
  }

  rows(frame, from, to) {
    const { component, outbox, add } = this;
    const { user } = component;
    const { seq, columns, taskOf } = frame;
    const { Tuple } = frame.input;
    for (let i = from; i < to; i++) {
      const tup = new Tuple(seq, i, taskOf(i), columns);
      component.current = tup;
      user[InTurn.ADD] = add;
      try {
        const returned = user.process(tup);
        user[InTurn.ADD] = component.current = null;
        if (returned !== undefined && isThenable(returned)) return component.waiting.takeOver(frame, i, tup, returned);
        if (tup._state === OPEN && user.autoAck) tup._state = ACKED;
        else this.settle(tup);
      } catch (error) {
        user[InTurn.ADD] = component.current = null;
        this.threw(tup, error);
      }
      outbox.rowDone();
    }
    return to;
  }

  /** process() has thrown. */
  threw(tup, error) {
    if (tup._state === OPEN && this.component.user.autoFail) {
      tup._state = FAILED;
      tup._error = this.component.describe(error);
    } else this.component.report(error); // what user code has said of the tuple stands
    this.settle(tup);
  }

  /** Says how a row ended that is not simply acked. */
  settle(tup) {
    if (tup._state === FAILED) this.outbox.fail(tup._row, tup._error);
    else if (tup._state === OPEN) {
      tup._held = true;
      this.outbox.held.push(tup._row);
    }
  }
}

/** A function: what it returns or yields is emitted. */
class FunctionInTurn extends InTurn {
  constructor(component, fn, lane) {
    super(component);
    this.fn = fn;
    this.emit = emitter(component, lane);
    this.rows = fn.constructor.name === 'GeneratorFunction' ? this.generatorRows() : this.plainRows();
  }

  /** The loop of a generator function. A closure, so that V8 compiles it for this one function and its one emit. */
  generatorRows() {
    const { component, outbox, emit } = this;
    const call = caller(component, this.fn);
    return (frame, from, to) => {
      const { columns } = frame;
      const { make } = frame.input;
      for (let i = from; i < to; i++) {
        try {
          for (const v of call(make(columns, i), frame, i)) emit(v);
        } catch (error) {
          outbox.fail(i, component.describe(error));
        }
        outbox.rowDone();
      }
      return to;
    };
  }

  /** The loop of a plain function. */
  plainRows() {
    const { component, outbox, emit } = this;
    const call = caller(component, this.fn);
    return (frame, from, to) => {
      const { columns } = frame;
      const { make } = frame.input;
      for (let i = from; i < to; i++) {
        try {
          const v = call(make(columns, i), frame, i);
          // Most values are told from promises and generators by what is quick to look at.
          if (typeof v !== 'object' || v === null || Array.isArray(v) || Object.getPrototypeOf(v) === Object.prototype) emit(v);
          else if (isThenable(v)) return component.waiting.takeOver(frame, i, null, v);
          else if (isIterator(v)) for (const x of v) emit(x);
          else emit(v);
        } catch (error) {
          outbox.fail(i, component.describe(error));
        }
        outbox.rowDone();
      }
      return to;
    };
  }
}

/** A generator, and what compilers make of one; a value that can be emitted has no next(). */
const isIterator = (v) => typeof v.next === 'function' && typeof v[Symbol.iterator] === 'function';

/** Tells whether fn may look at a third argument: its length leaves out parameters with a default, and `...rest`. */
function wantsTuple(fn) {
  if (fn.length > 2) return true;
  const text = Function.prototype.toString.call(fn);
  if (/\barguments\b|\[native code\]/.test(text)) return true;
  const arrow = text.indexOf('=>'), from = text.indexOf('(');
  if (from < 0 || (arrow >= 0 && arrow < from)) return false; // x => ...
  let depth = 0, commas = 0, rest = false;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c) && --depth === 0) break;
    else if (depth === 1 && c === ',') commas++;
    else if (depth === 1 && text.startsWith('...', i)) rest = true;
  }
  return rest || commas > 1;
}

/** Returns call(fields, frame, row): fn with the arguments that it has parameters for. */
function caller(component, fn) {
  const { ctx } = component;
  if (!wantsTuple(fn)) return (fields) => fn(fields, ctx);
  return (fields, frame, row) => fn(fields, ctx, new frame.input.Tuple(frame.seq, row, frame.taskOf(row), frame.columns));
}

/**
 * Returns emit(v) for what a function returns or yields: with one field the
 * value itself, with several an array or an object of them; null and undefined
 * emit nothing.
 */
function emitter(component, lane) {
  if (lane === undefined) {
    return (v) => {
      if (v !== undefined && v !== null) component.outbox.refuse(v);
    };
  }
  const { add } = lane;
  if (lane.fields.length > 1 || lane.isDirect) {
    return (v) => {
      if (v !== undefined && v !== null) add(v);
    };
  }
  const [column] = lane.columns;
  return (v) => {
    if (typeof v === 'string') {
      column.push(v);
      if ((lane.size += v.length + 1) > lane.limit) lane.overflow();
    } else if (typeof v === 'number') {
      column.push(v);
      if ((lane.size += 9) > lane.limit) lane.overflow();
    } else if (v !== undefined && v !== null) {
      lane.append([v]);
      lane.settle();
    }
  };
}

module.exports = { InTurn, TuplesInTurn, FunctionInTurn, caller, isIterator };
