'use strict';
// A small host: starts a real child on real pipes, speaks the protocol, and
// waits for what a test asks for. Node gives children sockets for stdio, and
// the host has pipes, so these are named ones.
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { execFileSync, spawn } = require('node:child_process');
const { FrameReader, FROM_CHILD, TO_CHILD } = require('../lib/wire.js');
const { readFromChild, frameTo, dataTo, outcomeTo, tasksTo } = require('../lib/fromchild.js');

const SDK = path.join(__dirname, '..');
const MAGIC = Buffer.from('f550424f4c54310a', 'hex');
const { O_RDONLY, O_WRONLY, O_NONBLOCK } = fs.constants;
const PATIENCE = 20_000;

class Host {
  /**
   * @param {object} t the test: what was started ends with it
   * @param {string} source of the component
   * @param {object} options file (component.js), files {name: text}, outputs, inputs, conf, welcome, env, args, command(bundle)
   */
  constructor(t, source, options = {}) {
    const { file = 'component.js', files = {}, register = true, outputs = [['default', ['v']]], inputs = [['in', 'default', ['v']]] } = options;
    // As the host lays it out: the folder that holds the package has any name.
    this.folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'polybolt-')));
    this.sdk = path.join(this.folder, 'sdk dir', 'polybolt');
    fs.mkdirSync(path.dirname(this.sdk));
    fs.symlinkSync(SDK, this.sdk);
    this.bundle = path.join(this.folder, 'bundle');
    for (const [name, text] of Object.entries({ [file]: source, ...files })) {
      fs.mkdirSync(path.dirname(path.join(this.bundle, name)), { recursive: true });
      fs.writeFileSync(path.join(this.bundle, name), text);
    }
    this.outputs = outputs;
    this.register = register; // --import register.mjs as well, as the host does; preload.js does without
    this.welcome = {
      version: 1, level: 'columns', topology: 'top', component: 'comp', kind: 'bolt', task: 4, index: 1,
      tasks: { in: [1, 2], comp: [3, 4] }, dir: this.folder, conf: options.conf ?? {}, inputs, outputs,
      max_message_bytes: 16 << 20, beat_ms: 10_000, concurrency: 1, log_level: 0, ...options.welcome,
    };
    this.messages = []; // that no wait() has taken
    this.before = ''; // the magic
    this.stderr = '';
    this.waiters = [];
    this.seq = 0;
    this.spawn(options.command ?? [process.execPath, ...(options.args ?? []), file], options.env ?? {});
    t.after(() => this.close());
  }

  pipe(name, forChild) {
    const file = path.join(this.folder, name);
    execFileSync('mkfifo', [file]);
    const read = fs.openSync(file, O_RDONLY | O_NONBLOCK);
    const write = fs.openSync(file, O_WRONLY | (forChild === 'read' ? O_NONBLOCK : 0));
    return forChild === 'read' ? [read, write] : [write, read];
  }

  spawn([command, ...args], env) {
    const [stdin, input] = this.pipe('stdin', 'read');
    const [stdout, output] = this.pipe('stdout', 'write');
    const [stderr, errors] = this.pipe('stderr', 'write');
    const quoted = `"${path.join(this.sdk, 'preload.js').replace(/(["\\])/g, '\\$1')}"`;
    const url = require('node:url').pathToFileURL(path.join(this.sdk, 'register.mjs')).href;
    this.child = spawn(command, args, {
      cwd: this.bundle,
      stdio: [stdin, stdout, stderr],
      env: {
        PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`, HOME: this.folder,
        POLYBOLT_BUNDLE: this.bundle, NODE_PATH: path.dirname(this.sdk), NODE_OPTIONS: `--require ${quoted}${this.register ? ` --import ${url}` : ''}`, ...env,
      },
    });
    for (const fd of [stdin, stdout, stderr]) fs.closeSync(fd);
    this.exited = new Promise((resolve) => this.child.on('exit', (code, signal) => {
      this.exit = { code, signal };
      resolve(this.exit);
      this.wake();
    }));
    this.input = new net.Socket({ fd: input, readable: false, writable: true });
    this.input.on('error', () => {}); // the child's end is the exit
    this.read(output);
    this.errors = new net.Socket({ fd: errors, readable: true, writable: false });
    this.errors.on('data', (data) => {
      this.stderr += data;
      this.wake();
    });
  }

  read(fd) {
    const frames = new FrameReader(1 << 26);
    let head = Buffer.alloc(0), started = false;
    this.output = new net.Socket({ fd, readable: true, writable: false });
    const feed = (data) => {
      for (let at = 0; at < data.length;) {
        const space = frames.space();
        const n = data.copy(space, 0, at);
        frames.filled(n);
        at += n;
        while (frames.next()) this.take(Buffer.from(frames.buf.subarray(frames.start, frames.end)));
      }
    };
    this.output.on('data', (data) => {
      if (!started) {
        head = Buffer.concat([head, data]);
        const at = head.indexOf(MAGIC);
        if (at < 0) return;
        started = true;
        this.before = head.toString('latin1', 0, at);
        data = head.subarray(at + MAGIC.length);
      }
      feed(data);
      this.wake();
    });
  }

  take(bytes) {
    const message = readFromChild(bytes, this.outputs);
    if (message.groups) for (const group of message.groups) if (group.ids >= 0) this.write(tasksTo(group.ids, group.rows.map((_, i) => 70 + i)));
    this.messages.push(message);
  }

  wake() {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  /** Waits until get() returns something else than undefined or false, and returns that. */
  async until(get, what) {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const v = get();
      if (v !== undefined && v !== false) return v;
      if (Date.now() > deadline) throw new Error(`no ${what} within ${PATIENCE} ms; exit ${JSON.stringify(this.exit)}; waiting: ${JSON.stringify(this.messages).slice(0, 2000)}; stderr: ${this.stderr}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Waits for a message of this type, takes it out of the list and returns it. */
  wait(type, matches = () => true) {
    return this.until(() => {
      if (this.exit && !this.messages.some((m) => m.type === type && matches(m))) throw new Error(`the child has ended: ${JSON.stringify(this.exit)}; ${JSON.stringify(this.messages)}; stderr: ${this.stderr}`);
      const i = this.messages.findIndex((m) => m.type === type && matches(m));
      return i < 0 ? undefined : this.messages.splice(i, 1)[0];
    }, `message ${type}`);
  }

  write(bytes) {
    this.input.write(bytes);
  }

  send(type, ...elements) {
    this.write(frameTo(type, ...elements));
  }

  /** Shakes hands and waits for ready, which is returned. */
  async start() {
    const { hello } = await this.wait(FROM_CHILD.HELLO);
    this.hello = hello;
    this.welcome.kind = hello.kind;
    this.welcome.level = hello.level;
    this.send(TO_CHILD.WELCOME, this.welcome);
    this.send(TO_CHILD.START);
    return (await this.wait(FROM_CHILD.READY)).ready;
  }

  /** Sends a frame of rows and returns its number. */
  data(rows, { input = 0, task = 1, runs = null } = {}) {
    this.write(dataTo(++this.seq, input, task, rows, this.welcome.level, runs));
    return this.seq;
  }

  /** Sends a frame and waits until it is covered: {emits, failed, held, acked, late, replies}. */
  async process(rows, options) {
    return this.covered(this.data(rows, options), rows.length);
  }

  async covered(seq, n) {
    const all = { emits: [], failed: [], held: [], acked: [], late: [], replies: [] };
    for (let covered = 0; covered < n;) {
      const reply = await this.wait(FROM_CHILD.REPLY);
      if (reply.seq === seq) {
        if (reply.first !== covered) throw new Error(`covers from ${reply.first}, not ${covered}`);
        covered += reply.n;
      }
      collect(all, reply);
    }
    return all;
  }

  next(rows, bytes = 1 << 18) {
    this.send(TO_CHILD.NEXT, ++this.seq, rows, bytes);
    return this.seq;
  }

  /** Asks for rows and waits for the whole answer. */
  async ask(rows, bytes) {
    const seq = this.next(rows, bytes);
    const all = { emits: [], replies: [] };
    for (;;) {
      const answer = await this.wait(FROM_CHILD.ROWS, (m) => m.seq === seq);
      collect(all, answer);
      if (answer.final) return all;
    }
  }

  outcome(...lists) {
    this.write(outcomeTo(...lists));
  }

  /** Stops the child in order and returns its exit. */
  stop(ms = 10_000) {
    this.send(TO_CHILD.STOP, ms);
    return this.exited;
  }

  log(matches) {
    return this.wait(FROM_CHILD.LOG, matches);
  }

  close() {
    if (!this.exit) this.child.kill('SIGKILL');
    this.input.destroy();
    this.output.destroy();
    this.errors.destroy();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Adds a reply's or an answer's rows and exceptions to a sum. */
function collect(all, reply) {
  all.replies.push(reply);
  for (const group of reply.groups) {
    group.rows.forEach((values, i) => all.emits.push({ stream: group.stream, values, anchors: group.anchors?.[i], want: group.wants?.[i], task: group.direct?.[i] }));
  }
  for (const key of ['failed', 'held', 'acked', 'late']) if (reply[key]) all[key].push(...reply[key]);
}

module.exports = { Host, FROM_CHILD, TO_CHILD };
