'use strict';
// What spouts and bolts have in common: the handshake, the calls of user code,
// and what is said besides rows. A component is driven by receive(message) and
// answers through io.write(bytes); it knows nothing of descriptors.
const { constants } = require('os');
const { format } = require('util');
const { MessageWriter, TO_CHILD, FROM_CHILD, VERSION } = require('./wire.js');
const { ComponentError, describe, Logger, LEVELS, logText, Metrics } = require('./report.js');
const { WireError } = require('./msgpack.js');
const { writeError } = require('./outbox.js');
const { shown } = require('./lane.js');

/** Where an instance of Bolt or Spout keeps its component. */
const COMPONENT = Symbol('component');
const METRIC_MS = 1000; // at most one metric message in this time
const HOOKS = [
  'initialize', 'process', 'processBatch', 'processTick', 'nextTuple', 'ack', 'fail', 'dead', 'activate', 'deactivate', 'onStop',
];
const GENERATORS = new Set(['GeneratorFunction', 'AsyncGeneratorFunction']);
const CALLBACK_MS = 10_000; // after which a callback that was not called is reported

/** Where this process stands in the topology. */
class Context {
  constructor(welcome, log, metrics) {
    /** Names. */
    this.topology = welcome.topology;
    this.component = welcome.component;
    /** This process's task id, and its number among the component's tasks, from 0. */
    this.task = welcome.task;
    this.index = welcome.index;
    /** The task ids of every component. */
    this.tasks = welcome.tasks ?? {};
    /** A scratch directory of this task. */
    this.dir = welcome.dir;
    /** The component's own config. */
    this.conf = welcome.conf ?? {};
    this.log = log;
    this.metrics = metrics;
  }
}

/**
 * What code that waits works on: it finds its scope again after each wait, by
 * AsyncLocalStorage. That slows every promise of the process down (56 to 160 ns
 * before Node 24), so it is not begun before a component needs it.
 */
class Scope {
  static storage = null;

  /** @param {Component} component @param {object[]|null} tuples what an emit comes from; null: nothing */
  constructor(component, tuples) {
    this.component = component;
    this.tuples = tuples;
  }

  static run(component, tuples, fn) {
    Scope.storage ??= new (require('async_hooks').AsyncLocalStorage)();
    return Scope.storage.run(new Scope(component, tuples), fn);
  }
}

/** Returns the Scope that the caller runs in, if it runs in one. */
const currentScope = () => Scope.storage?.getStore();

const isThenable = (v) => v !== null && typeof v === 'object' && typeof v.then === 'function';

class Component {
  /** The component whose code runs, or ran last: there is one in a process, but for tests. */
  static active = null;

  /**
   * @param {'spout'|'bolt'} kind
   * @param {object|Function} target the user's instance or class, or {fn} for a function
   * @param {{write(bytes: Buffer): void, exit(code: number): void, fatal(error: unknown): void, begins?(): void, bundle?: string, level?: string, at?: Error, place?: string}} io
   */
  constructor(kind, target, io) {
    // Fixed at construction.
    this.kind = kind;
    this.target = target;
    this.io = io;
    this.callbackMs = CALLBACK_MS;
    this.w = new MessageWriter(64 << 10);
    this.level = io.level ?? 'columns';
    this.log = new Logger((level, args) => this.sayArgs(level, args));
    this.metrics = new Metrics(() => this.metricsLater());
    // Known from the welcome on.
    this.inputs = [];
    this.ctx = null;
    this.outbox = null;
    this.logLevel = LEVELS.info;
    // What goes on.
    this.user = null; // the instance, from start on
    this.ready = false;
    this.stopping = false;
    this.lastWrite = 0;
    this.beatTimer = null;
    this.metricTimer = null;
    this.flushing = false; // flush() is scheduled
    this.callbacks = new Set(); // {name, since, told}: not called yet
    this.callbackTimer = null;
    this.warned = new Set();
    this.requests = new Map(); // task ids that were asked for: number → resolve
    this.request = 0;
  }

  // ---- messages

  /** Takes one message of the host's (wire.readMessage), in order. */
  receive(message) {
    switch (message.type) {
      case TO_CHILD.WELCOME: return this.welcome(message.welcome);
      case TO_CHILD.START: return void this.start();
      case TO_CHILD.LEVEL: this.logLevel = message.level; return;
      case TO_CHILD.TASKS:
        this.requests.get(message.request)?.(message.tasks);
        this.requests.delete(message.request);
        return;
      default: throw new WireError(`a message of type ${message.type} is not for a ${this.kind}`);
    }
  }

  /** The first message: who we are. */
  hello() {
    const { w } = this;
    w.begin(FROM_CHILD.HELLO, 2);
    w.value({
      version: VERSION,
      level: this.level,
      kind: this.kind,
      sdk: `polybolt-node ${require('../package.json').version}`,
      runtime: `Node.js ${process.version}`,
      pid: process.pid,
      features: ['beat', 'json', 'stacks'],
      stack_signal: constants.signals.SIGUSR2,
      place: this.io.place ?? '',
    });
    w.end();
    this.send();
  }

  welcome(welcome) {
    if (welcome.version !== VERSION) {
      throw new WireError(`the host speaks version ${welcome.version} of the protocol, this SDK version ${VERSION}: use the SDK of that host's release`);
    }
    this.level = welcome.level;
    this.logLevel = welcome.log_level ?? LEVELS.info;
    this.ctx = new Context(welcome, this.log, this.metrics);
    for (const [component, stream, fields] of welcome.inputs ?? []) {
      this.inputs.push({ component, stream, fields, memo: fields.map(() => ({})) });
    }
    this.concurrency = Math.max(1, welcome.concurrency ?? 1);
    this.setUp(welcome);
    if (welcome.beat_ms > 0) this.beat(welcome.beat_ms);
  }

  /** Makes the instance, initialises it, and says ready. */
  async start() {
    try {
      this.user = typeof this.target === 'function' ? new this.target() : this.target;
      this.user[COMPONENT] = this;
      Component.active = this;
      this.checkHooks();
      await this.invoke('initialize', [this.ctx.conf, this.ctx]);
      this.prepare();
    } catch (error) {
      return this.io.fatal(error);
    }
    const { w } = this;
    w.begin(FROM_CHILD.READY, 2);
    w.value({ replays: this.replays });
    w.end();
    this.send();
    this.ready = true;
    this.io.begins?.();
    this.flush(); // what initialize() has emitted
    this.metricsLater();
  }

  /** Throws if a hook is a generator: nobody would run it. */
  checkHooks() {
    for (const name of HOOKS) {
      const hook = this.user[name];
      if (typeof hook === 'function' && GENERATORS.has(hook.constructor.name)) this.lacks(`has a ${name} that yields; call this.emit instead`);
    }
  }

  /** Throws what says that a class lacks a method, or what else is wrong with it. */
  lacks(what) {
    throw new ComponentError(`${this.ctx.component}: ${this.user.constructor.name} ${what}`, this.io.at);
  }

  /** Sends the finished messages in `w`. */
  send() {
    this.lastWrite = performance.now();
    this.io.write(this.w.take());
  }

  // ---- what spouts and bolts have of their own

  /** Whether the spout replays what failed by itself. */
  get replays() { return false; }
  /** Makes the outbox, of what the host's welcome says. @param {object} welcome */
  setUp(welcome) {} // eslint-disable-line no-unused-vars
  /** Gets ready for rows, once user code is initialised. */
  prepare() {}
  /** Sends what is emitted and done. */
  flush() {}
  /** emit(), in general. @param {any} values @param {object} [options] @returns {Promise<number[]>|undefined} */
  emit(values, options) { return undefined; } // eslint-disable-line no-unused-vars

  /** Has what is emitted sent when user code gives the loop a turn. */
  flushLater() {
    if (this.flushing || !this.ready) return;
    this.flushing = true;
    setImmediate(() => {
      this.flushing = false;
      this.flush();
    });
  }

  /** Writes a beat whenever nothing was written for so long. */
  beat(ms) {
    const silent = performance.now() - this.lastWrite;
    if (silent >= ms) this.signal(FROM_CHILD.BEAT);
    this.beatTimer = setTimeout(() => this.beat(ms), Math.max(1, ms - (silent < ms ? silent : 0)));
    this.beatTimer.unref();
  }

  signal(type) {
    this.w.begin(type, 1);
    this.w.end();
    this.send();
  }

  // ---- user code

  /**
   * Calls a hook of the user's, if there is one, and returns what it returns.
   * A hook with one parameter more than it gets arguments is given a callback,
   * done(error), in Node's old manner; then a promise is returned.
   */
  invoke(name, args) {
    const hook = this.user[name];
    if (typeof hook !== 'function') return undefined;
    return hook.length > args.length ? this.withCallback(name, hook, args) : hook.apply(this.user, args);
  }

  withCallback(name, hook, args) {
    const call = { name, since: performance.now(), told: false };
    this.callbacks.add(call);
    this.watchCallbacks();
    return new Promise((resolve, reject) => {
      const returned = hook.call(this.user, ...args, (error) => (error === undefined || error === null ? resolve() : reject(error)));
      if (isThenable(returned)) returned.then(undefined, reject);
    }).finally(() => this.callbacks.delete(call));
  }

  /** Looks now and then for callbacks that were forgotten. */
  watchCallbacks() {
    if (this.callbackTimer !== null) return;
    this.callbackTimer = setTimeout(() => {
      this.callbackTimer = null;
      const now = performance.now();
      for (const call of this.callbacks) {
        if (call.told || now - call.since < this.callbackMs) continue;
        call.told = true;
        const [name, seconds] = [`${this.user.constructor.name}.${call.name}`, ((now - call.since) / 1000).toPrecision(2)];
        const error = new Error(`${name} takes a callback and has not called it for ${seconds} s: call done() or done(error), ` +
          'or drop the parameter and return (a promise, if need be)');
        error.name = 'CallbackNotCalled';
        error.stack = String(error);
        this.report(error);
      }
      if ([...this.callbacks].some((call) => !call.told)) this.watchCallbacks();
    }, this.callbackMs / 4);
    this.callbackTimer.unref();
  }

  /** Calls a hook whose failure is reported and no more; resolves when it is done. */
  async hook(name, args) {
    try {
      await this.invoke(name, args);
    } catch (error) {
      this.report(error);
    }
  }

  /** Returns a number to ask for task ids with. */
  nextRequest() {
    this.request = (this.request + 1) % 2 ** 31;
    return this.request;
  }

  /** Returns a promise of the task ids asked for. */
  taskIds(request) {
    if (!this.ready) this.flush(); // initialize() may wait for them
    return new Promise((resolve) => this.requests.set(request, resolve));
  }

  /** emitTo: values are given as for yield. */
  emitTo(stream, values) {
    if (values === undefined || values === null) return undefined;
    return this.emit(this.outbox.lane(stream).fields.length === 1 ? [values] : values, { stream });
  }

  // ---- what is said besides rows

  describe(error, kind) {
    return describe(error, this.io.bundle, kind);
  }

  /** Reports an error that belongs to no row. */
  report(error) {
    const { w } = this;
    w.begin(FROM_CHILD.ERROR, 2);
    writeError(w, this.describe(error));
    w.end();
    this.send();
  }

  /** Sends what user code logs; args are those of console.log. */
  sayArgs(level, args, indent = '') {
    if (level < this.logLevel) return;
    const text = format(...args);
    this.say(level, indent === '' ? text : text.replace(/^/gm, indent));
  }

  /** Sends a log line, at once: it may be the last thing that user code does. */
  say(level, text, logger) {
    if (level < this.logLevel) return;
    const { w } = this;
    w.begin(FROM_CHILD.LOG, logger === undefined ? 3 : 4);
    w.int(level);
    w.str(logText(text));
    if (logger !== undefined) w.str(logger);
    w.end();
    this.send();
  }

  /** Warns of what user code did wrong without harm: once per text, and counted. */
  misuse(text) {
    this.metrics.counter('polybolt_misuse').inc();
    this.warnOnce(`${text} (said once; the metric polybolt_misuse counts all)`);
  }

  warnOnce(text) {
    if (this.warned.has(text)) return;
    this.warned.add(text);
    this.say(LEVELS.warn, `${this.ctx.component}: ${text}`, 'polybolt');
  }

  metricsLater() {
    if (this.metricTimer !== null || !this.ready) return;
    this.metricTimer = setTimeout(() => this.sendMetrics(), METRIC_MS);
    this.metricTimer.unref();
  }

  sendMetrics() {
    clearTimeout(this.metricTimer);
    this.metricTimer = null;
    const taken = this.metrics.take();
    if (taken.length === 0) return;
    const { w } = this;
    w.begin(FROM_CHILD.METRIC, 2);
    w.array(taken.length);
    for (const [name, kind, value] of taken) w.value([logText(name), kind, value]);
    w.end();
    this.send();
  }

  /** What a spout says before it goes. */
  sayLeft() {}

  /** Says what is in progress, for a person. */
  inspect() {
    const calls = [...this.callbacks].map(({ name, since }) => `${name}, called ${Math.round(performance.now() - since)} ms ago`);
    return `  callbacks waited for: ${calls.join('; ') || 'none'}`;
  }

  // ---- the end

  /** After the last row: on_stop, what it emits, the metrics, and the end of the process. */
  async finish() {
    await this.hook('onStop', []);
    this.flush();
    this.sendMetrics();
    this.sayLeft();
    clearTimeout(this.beatTimer);
    this.io.exit(0);
  }
}

/** Gives a class of the user's what every component has; an assignment (`this.conf = conf`) takes its place. */
function accessors(prototype) {
  for (const name of ['log', 'metrics', 'ctx', 'conf']) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get() {
        const component = componentOf(this);
        return name === 'conf' ? component.ctx.conf : component[name];
      },
      set(value) {
        Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
      },
    });
  }
}

const OPTIONS = ['stream', 'directTask', 'needTaskIds'];

/** Returns emit's options, having looked for misspelt ones: they would be lost without a word. */
function checked(options, more) {
  if (options === null || typeof options !== 'object') {
    throw new TypeError(`emit takes its options as an object, such as {stream: 'errors'}, not ${shown(options)}`);
  }
  for (const key in options) {
    if (key === more || OPTIONS.includes(key)) continue;
    throw new TypeError(`emit has no option ${JSON.stringify(key)}; it has ${[...OPTIONS, more].join(', ')}`);
  }
  const { directTask } = options;
  if (directTask !== undefined && !(Number.isInteger(directTask) && directTask > 0 && directTask < 2 ** 32)) {
    throw new TypeError(`directTask is the number of a task, not ${shown(directTask)}`);
  }
  return options;
}

/** Returns the component that an instance runs in. */
function componentOf(user) {
  const component = user[COMPONENT];
  if (component === undefined) {
    throw new Error(`${user.constructor.name} is not running: this works in a topology, or in a Tester of polybolt/testing, from initialize() on`);
  }
  return component;
}

module.exports = { Component, Context, Scope, currentScope, accessors, checked, componentOf, isThenable };
