'use strict';
// polybolt/testing: runs a component in this process, without a host, through
// the code that runs in a topology: every value is encoded and decoded.
const { Bolt, FunctionBolt, BoltComponent } = require('./lib/bolt.js');
const { Spout, FunctionSpout, SpoutComponent } = require('./lib/spout.js');
const { FrameReader, readMessage, FROM_CHILD, TO_CHILD } = require('./lib/wire.js');
const { readFromChild, frameTo, dataTo, outcomeTo, tasksTo } = require('./lib/fromchild.js');
const { admit, shown } = require('./lib/lane.js');
const { Writer, UNSENDABLE } = require('./lib/msgpack.js');
const { explain } = require('./lib/values.js');

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'];

/** What a component did. Lists are in the order in which things happened. */
class Result {
  constructor() {
    /** {stream, values, anchors, directTask?, id?} of each row emitted; anchors are the rows sent that it comes from. */
    this.emits = [];
    /** The rows sent, as they were given: acked; failed ({row, error}); kept to be acked later. */
    this.acked = [];
    this.failed = [];
    this.held = [];
    /** Errors that belong to no row. */
    this.errors = [];
    /** {level, text} */
    this.logs = [];
    /** [name, kind, value] */
    this.metrics = [];
    /** Spouts: finish() was called, or the generator has ended. */
    this.finished = false;
  }

  /** The values emitted on a stream. */
  values(stream = 'default') {
    return this.emits.filter((e) => e.stream === stream).map((e) => e.values);
  }
}

/** Runs one component. See testing.d.ts. */
class Tester {
  #component;
  #started = null;
  #result = new Result();
  #rows = new Map(); // 'frame row' → the row as it was given, while it is not settled
  #seq = 0;
  #done = null; // {seq, left, resolve}: what send() or next() waits for
  #written = new FrameReader(1 << 30);
  #taken = new FrameReader(1 << 30);
  #inputs;
  #failure = null;
  #exit;
  #broken;

  constructor(target, options = {}) {
    const kind = kindOf(target);
    const { inputs = {}, outputs = {}, conf = {}, component = 'component', taskIds = () => [1], direct } = options;
    sendable(conf, 'conf');
    this.kind = kind;
    this.taskIds = taskIds;
    this.#inputs = [];
    for (const [from, streams] of Object.entries(inputs)) {
      for (const [stream, fields] of Object.entries(streamsOf(streams))) this.#inputs.push([from, stream, fields]);
    }
    this.outputs = Object.entries(streamsOf(outputs));
    this.welcome = {
      version: 1, level: options.level ?? 'columns', topology: 'test', component, kind,
      task: 1, index: 0, tasks: { [component]: [1] }, dir: '.', conf, inputs: this.#inputs, outputs: this.outputs, max_message_bytes: options.maxMessageBytes ?? 16 << 20,
      beat_ms: 0, concurrency: options.concurrency ?? 1, log_level: 0, ...(direct && { direct }),
    };
    this.#exit = new Promise((resolve, reject) => {
      this.#broken = reject;
      const io = {
        write: (bytes) => this.#read(bytes),
        exit: resolve,
        fatal: (error) => this.#fatal(error),
        bundle: process.cwd(),
        level: this.welcome.level,
      };
      this.#component = kind === 'bolt' ? new BoltComponent(target, io) : new SpoutComponent(target, io);
    });
    this.#exit.catch(() => {}); // whoever calls a method is told
    if (options.callbackMs !== undefined) this.#component.callbackMs = options.callbackMs;
  }

  /** The instance under test, once it is started. */
  get instance() { return this.#component.user; }

  /** Initialises the component; the other methods do so by themselves. */
  start() {
    this.#started ??= this.#begin();
    return this.#started;
  }

  async #begin() {
    this.#component.hello();
    this.#give(frameTo(TO_CHILD.WELCOME, this.welcome));
    await this.#component.start();
    this.#check();
    if (this.kind === 'spout') this.#give(frameTo(TO_CHILD.ACTIVATE));
    await turn();
    return this.#take();
  }

  // ---- bolts

  /**
   * Sends a row, an object of the input's fields, or an array of rows that
   * travel together (each an object, or an array of the values); waits until
   * user code has finished with all of them.
   */
  async send(row, /** @type {any} */ { from, stream, task = 1 } = {}) {
    this.#need('bolt', 'send');
    await this.start();
    const input = this.#inputOf(from, stream);
    const [, , fields] = this.#inputs[input];
    const rows = Array.isArray(row) ? row : [row];
    if (rows.length === 0) throw new TypeError('send() takes at least one row');
    const values = rows.map((r) => valuesOf(r, fields));
    for (const list of values) list.forEach((v, k) => sendable(v, `the input's field ${JSON.stringify(fields[k])}`));
    const seq = ++this.#seq;
    rows.forEach((r, i) => this.#rows.set(`${seq} ${i}`, r));
    await this.#until(seq, rows.length, dataTo(seq, input, task, values, this.welcome.level));
    return this.#take();
  }

  /** Calls processTick(). */
  async tick() {
    this.#need('bolt', 'tick');
    await this.start();
    this.#give(frameTo(TO_CHILD.TICK));
    await this.#idle();
    return this.#take();
  }

  // ---- spouts

  /** Asks for rows; waits until there are so many, or the spout has finished, or has nothing for `patience` ms. */
  async next(rows = 1, { patience = 1000 } = {}) {
    this.#need('spout', 'next');
    await this.start();
    const seq = ++this.#seq;
    const timer = setTimeout(() => this.#component.outbox.flush(true), patience);
    await this.#until(seq, 1, frameTo(TO_CHILD.NEXT, seq, rows, 1 << 30)).finally(() => clearTimeout(timer));
    return this.#take();
  }

  /** Tells the spout that the rows emitted with these ids are done. */
  ack(...ids) { return this.#outcome(0, ids); }
  /** … that they failed. */
  fail(...ids) { return this.#outcome(1, ids); }
  /** … that they were given up. */
  dead(...ids) { return this.#outcome(2, ids); }

  async #outcome(which, ids) {
    this.#need('spout', ['ack', 'fail', 'dead'][which]);
    await this.start();
    const numbers = ids.map((id) => {
      for (const [number, pending] of this.#component.outbox.pending) if (Object.is(pending, id)) return number;
      throw new Error(`no row with the id ${shown(id)} is pending`);
    });
    this.#give(outcomeTo(...[0, 1, 2].map((i) => (i === which ? numbers : []))));
    await turn();
    await Promise.all([...this.#component.hooks]);
    await turn();
    return this.#take();
  }

  async activate() { return this.#hook(TO_CHILD.ACTIVATE, 'activate'); }
  async deactivate() { return this.#hook(TO_CHILD.DEACTIVATE, 'deactivate'); }

  async #hook(type, name) {
    this.#need('spout', name);
    await this.start();
    this.#give(frameTo(type));
    await turn();
    return this.#take();
  }

  // ---- both

  /** Calls onStop(), and ends the test of this component. */
  async stop() {
    await this.start();
    this.#give(frameTo(TO_CHILD.STOP, 60_000));
    await this.#exit;
    return this.#take();
  }

  /** What has happened since the last result, and in one more turn of the loop: what timers did, say. Waits for nothing else. */
  async later() {
    await this.start();
    await turn();
    this.#component.flush();
    this.#check();
    return this.#take();
  }

  // ---- the pipe

  #need(kind, method) {
    if (this.kind !== kind) throw new TypeError(`${method}() is for ${kind}s; this is a ${this.kind}`);
  }

  #inputOf(from, stream = 'default') {
    const found = this.#inputs.findIndex(([f, s]) => (from === undefined || f === from) && s === stream);
    if (found < 0) {
      const list = this.#inputs.map(([f, s]) => `${f}/${s}`).join(', ');
      throw new Error(`no input ${from ?? ''}/${stream}; there are ${list || 'none'}`);
    }
    return found;
  }

  /** Gives a message to the component, through its own decoder. */
  #give(frame) {
    this.#check();
    const reader = this.#written;
    for (let at = 0; at < frame.length;) {
      const space = reader.space();
      const n = frame.copy(space, 0, at);
      reader.filled(n);
      at += n;
    }
    while (reader.next()) {
      const message = readMessage(reader.buf, reader.start, reader.end, this.#component.level, this.#component.inputs);
      if (message.type !== TO_CHILD.START) this.#component.receive(message);
    }
  }

  /** Takes what the component writes. */
  #read(bytes) {
    const reader = this.#taken;
    for (let at = 0; at < bytes.length;) {
      const space = reader.space();
      const n = bytes.copy(space, 0, at);
      reader.filled(n);
      at += n;
    }
    while (reader.next()) this.#note(readFromChild(Buffer.from(reader.buf.subarray(reader.start, reader.end)), this.outputs));
  }

  #note(m) {
    const result = this.#result;
    switch (m.type) {
      case FROM_CHILD.REPLY: return this.#noteReply(m, result);
      case FROM_CHILD.ROWS: return this.#noteRows(m, result);
      case FROM_CHILD.LOG: return void result.logs.push({ level: LEVELS[m.level], text: m.text });
      case FROM_CHILD.ERROR: return void result.errors.push(m.error);
      case FROM_CHILD.METRIC: return void result.metrics.push(...m.metrics);
      case FROM_CHILD.FINISH:
        result.finished = true;
    }
  }

  #noteReply(m, result) {
    for (const group of m.groups) {
      this.#answer(group);
      group.rows.forEach((values, i) => {
        const anchors = group.anchors[i].map(([seq, row]) => this.#rows.get(`${seq} ${row}`));
        const emit = { stream: group.stream, values, anchors };
        if (group.direct) emit.directTask = group.direct[i];
        result.emits.push(emit);
      });
    }
    for (const [seq, row] of m.acked) this.#settle(seq, row, (r) => result.acked.push(r));
    const failed = new Map(m.failed);
    for (let row = m.first; row < m.first + m.n; row++) {
      if (m.held.includes(row)) result.held.push(this.#rows.get(`${m.seq} ${row}`));
      else if (failed.has(row)) this.#settle(m.seq, row, (r) => result.failed.push({ row: r, error: failed.get(row) }));
      else this.#settle(m.seq, row, (r) => result.acked.push(r));
    }
    for (const [seq, row, error] of m.late) this.#settle(seq, row, (r) => result.failed.push({ row: r, error }));
    if (this.#done?.seq === m.seq && (this.#done.left -= m.n) === 0) this.#done.resolve();
  }

  /** A row is acked or failed: once; one reported ahead of its turn is covered later. */
  #settle(seq, row, note) {
    const key = `${seq} ${row}`;
    if (!this.#rows.has(key)) return;
    note(this.#rows.get(key));
    this.#rows.delete(key);
  }

  #noteRows(m, result) {
    let number = m.first;
    const { pending } = this.#component.outbox;
    for (const group of m.groups) {
      this.#answer(group);
      group.rows.forEach((values, i) => {
        const emit = { stream: group.stream, values };
        if (group.wants[i]) emit.id = pending.get(number);
        if (group.direct) emit.directTask = group.direct[i];
        result.emits.push(emit);
        number = (number + 1) % 2 ** 32;
      });
    }
    if (m.final && this.#done?.seq === m.seq) this.#done.resolve();
  }

  #answer(group) {
    if (group.ids < 0) return;
    const tasks = group.rows.flatMap((values) => this.taskIds({ stream: group.stream, values }));
    setImmediate(() => this.#give(tasksTo(group.ids, tasks)));
  }

  #until(seq, left, frame) {
    return new Promise((resolve, reject) => {
      this.#done = { seq, left, resolve, reject };
      this.#give(frame);
    }).finally(() => {
      this.#done = null;
    });
  }

  async #idle() {
    do await turn();
    while (this.#component.active > 0 || this.#component.flushing);
    this.#component.flush();
    this.#check();
  }

  #take() {
    this.#component.sendMetrics();
    const result = this.#result;
    this.#result = new Result();
    return result;
  }

  #fatal(error) {
    this.#failure = error;
    this.#done?.reject(error);
    this.#broken(error);
  }

  #check() {
    if (this.#failure !== null) throw this.#failure;
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

function kindOf(target) {
  if (target instanceof FunctionBolt || target instanceof Bolt || target?.prototype instanceof Bolt) return 'bolt';
  if (target instanceof FunctionSpout || target instanceof Spout || target?.prototype instanceof Spout) return 'spout';
  throw new TypeError('a Tester takes a class that extends Bolt or Spout, an instance of one, ' +
    `or what bolt() or spout() returns, not ${shown(target)}`);
}

const streamsOf = (v) => (!Array.isArray(v) ? v : v.length ? { default: v } : {});

/** Throws, in the words of emit, for a value that no host could send. */
function sendable(v, where) {
  try {
    admit(v, new Writer(64));
  } catch (error) {
    throw error === UNSENDABLE ? explain(v, where) : error;
  }
}

function valuesOf(row, fields) {
  if (Array.isArray(row) && row.length === fields.length) return row;
  if (!Array.isArray(row) && row !== null && typeof row === 'object') {
    const missing = fields.filter((field) => !Object.hasOwn(row, field));
    if (missing.length === 0 && Object.keys(row).length === fields.length) return fields.map((field) => row[field]);
  }
  throw new TypeError(`the input has the fields ${fields.join(', ')}, got ${shown(row)}`);
}

module.exports = { Tester, Result };
