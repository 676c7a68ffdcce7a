'use strict';
// The process around a component: the descriptors, the console, the end.
const fs = require('fs');
const net = require('net');
const { format } = require('util');
const { takeOver, complain } = require('../preload.js');
const { WireError } = require('./msgpack.js');
const { callerOf } = require('./report.js');
const { FrameReader, readMessage, FRAME_SLACK } = require('./wire.js');

const QUEUE_BYTES = 1 << 20; // unwritten; beyond it user code is blocked
const PATIENCE_MS = 5; // blocked on a full pipe before the loop gets a turn
const FIRST_LIMIT = 64 << 20; // bytes of a frame until the welcome says

const cell = new Int32Array(new SharedArrayBuffer(4));
const sleep = (ms) => Atomics.wait(cell, 0, 0, ms);

/**
 * Writes to a pipe that does not block. What does not fit at once waits in a
 * queue, which is tried again in short sleeps, then from timers so that the
 * loop goes on; when it is long, until it is short. So nothing is reordered,
 * memory is bounded, and a host that does not read holds user code back.
 */
class PipeWriter {
  /** @param {number} fd @param {(clogged: boolean) => void} onClog @param {() => void} onBroken nobody reads any more */
  constructor(fd, onClog, onBroken) {
    this.fd = fd;
    this.onClog = onClog;
    this.onBroken = onBroken;
    this.queue = [];
    this.queued = 0;
    this.timer = null;
    this.delay = 1;
  }

  /** Writes bytes, or a copy of what does not fit later. */
  write(bytes) {
    const written = this.queue.length === 0 ? this.attempt(bytes) : 0;
    if (written === bytes.length) return;
    this.queue.push(Buffer.from(bytes.subarray(written)));
    this.queued += bytes.length - written;
    this.drain(this.timer === null ? PATIENCE_MS : 0);
  }

  /** Writes what fits and returns how much that was. */
  attempt(bytes) {
    let at = 0;
    try {
      while (at < bytes.length) at += fs.writeSync(this.fd, bytes, at, bytes.length - at);
    } catch (error) {
      if (error.code === 'EPIPE') this.onBroken();
      else if (error.code !== 'EAGAIN') throw error;
    }
    return at;
  }

  /** Tries for so many milliseconds to empty the queue, and longer while it is long; then a timer goes on. */
  drain(ms) {
    const start = performance.now();
    let wait = 0.05;
    while (this.queue.length > 0) {
      const [bytes] = this.queue;
      const n = this.attempt(bytes);
      this.queued -= n;
      if (n === bytes.length) this.queue.shift();
      else {
        this.queue[0] = bytes.subarray(n);
        if (n > 0) wait = 0.05;
        if (performance.now() - start > ms && this.queued <= QUEUE_BYTES) return this.later(n > 0);
        sleep(wait);
        wait = Math.min(2 * wait, 5);
      }
    }
    clearTimeout(this.timer);
    this.timer = null;
    this.delay = 1;
    this.onClog(false);
  }

  later(progress) {
    this.onClog(true);
    this.delay = progress ? 1 : Math.min(2 * this.delay, 20);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.drain(0), this.delay);
  }
}

/** Runs a component in this process; target is an instance, a class, or the object that bolt() or spout() has made. */
function component(kind, target) {
  const pipe = takeOver();
  if (pipe === undefined) {
    return refuse('this is a component of a Polybolt topology, and is started by the host: ' +
      'try `polybolt run` in the folder of its topology.yaml');
  }
  if (pipe.error !== undefined) {
    return refuse(`the protocol cannot be moved away from descriptors 0 and 1, which must be pipes: ${pipe.error.message}`);
  }
  if (pipe.running) throw new Error('run() was called before: a process is one component');
  pipe.running = true;
  const { BoltComponent } = require('./bolt.js');
  const { SpoutComponent } = require('./spout.js');
  const Kind = kind === 'bolt' ? BoltComponent : SpoutComponent;
  const child = new Child(pipe);
  child.run(new Kind(target, child));
}

function refuse(why) {
  complain(`polybolt: ${why}`);
  process.exit(2);
}

/** This process as a component sees it: its `io`. */
class Child {
  constructor(pipe) {
    this.bundle = fs.realpathSync(pipe.bundle);
    this.at = new Error(); // where user code calls run()
    this.place = callerOf(this.at, this.bundle);
    this.level = process.env.POLYBOLT_LEVEL === 'rows' ? 'rows' : 'columns';
    this.frames = new FrameReader(FIRST_LIMIT);
    this.writer = new PipeWriter(pipe.output, (clogged) => this.clogged(clogged), () => process.exit(1));
    this.socket = new net.Socket(/** @type {any} onread is read by the constructor, too */ ({
      fd: pipe.input,
      readable: true,
      writable: false,
      onread: { buffer: () => this.frames.space(), callback: (n) => this.read(n) },
    }));
    this.isClogged = false;
    this.ending = false;
  }

  run(component) {
    this.component = component;
    captureConsole(component);
    this.watchErrors();
    process.on('SIGUSR2', () => this.dump());
    process.on('SIGINT', () => {}); // Ctrl-C reaches the whole process group; the host decides
    this.socket.on('end', () => process.exit(0));
    this.socket.on('error', (error) => this.fatal(error));
    component.hello();
    this.socket.resume();
  }

  write(bytes) {
    this.writer.write(bytes);
  }

  read(n) {
    const { frames, component } = this;
    try {
      frames.filled(n);
      while (frames.next()) {
        const message = readMessage(frames.buf, frames.start, frames.end, component.level, component.inputs);
        if (message === null) continue;
        if (message.welcome) frames.limit = message.welcome.max_message_bytes + FRAME_SLACK;
        component.receive(message);
      }
    } catch (error) {
      this.fatal(error);
    }
    return !this.isClogged;
  }

  /** While the host does not read, no more work is taken. */
  clogged(clogged) {
    if (clogged === this.isClogged) return;
    this.isClogged = clogged;
    if (clogged) this.socket.pause();
    else this.socket.resume();
  }

  /** Ends the process, with everything written. */
  exit(code) {
    this.ending = true;
    this.writer.drain(Infinity);
    process.exit(code);
  }

  /** Reports an error that the process cannot go on after, and ends it. */
  fatal(error) {
    if (this.ending) return;
    this.ending = true;
    try {
      this.component.flush(); // what was done before
      this.component.report(error);
      this.writer.drain(Infinity);
    } finally {
      // The host shows the stack, and tells the error as the reason: on stderr it would be there a second time, and again
      // at every restart. One that speaks another protocol may understand nothing.
      if (error instanceof WireError) complain(this.component.describe(error).traceback);
      process.exit(1);
    }
  }

  /** Errors that nobody caught: user code that has handlers of its own is left to them. */
  watchErrors() {
    process.on('uncaughtException', (error) => {
      if (process.listenerCount('uncaughtException') > 1) this.component.report(error);
      else this.fatal(error);
    });
  }

  /** Prints what is in progress: of code that waits there is no stack, and code that does not lets no signal through (stacks.js shows both). */
  dump() {
    complain(this.progress());
  }

  progress() {
    const resources = {};
    for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
    const { rss, heapUsed } = process.memoryUsage();
    return format('polybolt: %s of %s, pid %d\n%s\n  open: %j, memory: %d MB, %d MB of it heap', this.component.kind,
      this.component.ctx?.component, process.pid, this.component.inspect(), resources, rss >> 20, heapUsed >> 20);
  }

  /** User code is initialised, and is about to get work. */
  begins() {
    if (process.env.POLYBOLT_STACKS === 'off') return;
    require('./stacks.js').watch(this.component.ctx.dir, () => this.progress(), (error) => complain(`polybolt: stacks cannot be shown: ${error.message}`));
  }
}

/** Sends what is written to the console as log lines with a level; it is not printed as well. */
function captureConsole(component) {
  let indent = '';
  const { LEVELS } = require('./report.js');
  const at = (level) => (...args) => component.sayArgs(level, args, indent);
  const group = (...label) => {
    if (label.length) console.log(...label);
    indent += '  ';
  };
  Object.assign(console, {
    log: at(LEVELS.info), info: at(LEVELS.info), debug: at(LEVELS.debug), warn: at(LEVELS.warn), error: at(LEVELS.error),
    trace(...args) {
      const stack = new Error().stack.split('\n').slice(2).join('\n');
      console.info('Trace: %s\n%s', format(...args), stack);
    },
    group, groupCollapsed: group,
    groupEnd() { indent = indent.slice(2); },
    dir: (v, options) => console.info(require('util').inspect(v, options)),
  });
}

module.exports = { component, PipeWriter };
