// The reference components that can be written on Storm's storm.js. POLYBOLT_COMPONENT says which one this is.
const { BasicBolt, Spout } = require('./storm');

const none = () => {};

// bolt makes a class of what a component does with a tuple.
const bolt = (process) => class extends BasicBolt {
  constructor() {
    super();
    this.kept = [];
    this.rows = 0;
    this.waiting = new Map();
  }
  send(tuple, anchorTupleId) { this.emit({ tuple, anchorTupleId }, none); }
  process(tup, done) { process.call(this, tup, done); }
};

const components = {
  echo: bolt(function (tup, done) { this.send(tup.values, tup.id); done(); }),
  split: bolt(function (tup, done) {
    if (!tup.isTickTuple()) {
      for (const word of tup.values[0].split(' ').filter((w) => w)) this.send([word], tup.id);
    }
    done();
  }),
  count: bolt((tup, done) => done()),
  'fail-third': bolt(function (tup, done) {
    this.send(tup.values, tup.id);
    done(tup.values[0] % 3 ? null : new Error(`cannot take ${tup.values[0]}`));
  }),
  hold: bolt(function (tup, done) {
    if (tup.isTickTuple()) {
      for (const [held, end] of this.kept) {
        const n = held.values[0];
        if (n % 2) end(new Error(`${n} is odd`));
        else { this.send([n], held.id); end(); }
      }
      this.kept = [];
      done();
    } else if (tup.values[0] === 0) done();
    else this.kept.push([tup, done]);
  }),
  anchors: bolt(function (tup, done) {
    if (tup.isTickTuple()) { this.end(); return done(); }
    const n = tup.values[0];
    this.send([n, 'own'], tup.id);
    this.send([n, 'none']);
    if (this.before) {
      this.send([n, 'before'], this.before);
      this.send([n, 'both'], [this.before, tup.id]);
      this.end();
    }
    this.before = tup.id;
    this.end = done;
  }),
  join: bolt(function (tup, done) {
    const [key] = tup.values;
    const other = this.waiting.get(key);
    if (!other) return this.waiting.set(key, [tup, done]);
    this.waiting.delete(key);
    const [left, right] = tup.component === 'left' ? [tup, other[0]] : [other[0], tup];
    this.send([key, left.values[1], right.values[1]], [left.id, right.id]);
    done();
    other[1]();
  }),
  overtake: bolt(function (tup, done) {
    if (tup.isTickTuple()) {
      for (const [held, end] of this.kept) { this.send(held.values, held.id); end(); }
      done();
    } else if (tup.values[0] === 'wait') this.kept.push([tup, done]);
    else { this.send(tup.values, tup.id); done(); }
  }),
  tick: bolt(function (tup, done) {
    if (tup.isTickTuple()) { this.send([this.rows]); this.rows = 0; } else this.rows++;
    done();
  }),
  direct: bolt(function (tup, done) {
    this.emitDirect({ task: tup.values[0], tuple: [tup.values[1]], anchorTupleId: tup.id });
    done();
  }),
  origin: bolt(function (tup, done) {
    this.send([tup.component, tup.stream, tup.task, tup.values[0]], tup.id);
    done();
  }),
  context: class extends BasicBolt {
    initialize(conf, ctx, done) {
      this.told = [conf['topology.name'], conf.path, ctx.componentid, ctx.taskid, ctx['task->component'],
        ctx['stream->outputfields'].default[0], ctx['source->stream->fields'].source.default];
      done();
    }
    process(tup, done) {
      this.emit({ tuple: [...tup.values, ...this.told], anchorTupleId: tup.id }, none);
      done();
    }
  },
  slow: bolt(function (tup, done) {
    for (const end = Date.now() + tup.values[0]; Date.now() < end;);
    this.send(tup.values, tup.id);
    done();
  }),
  report: bolt(function (tup, done) {
    for (const level of ['Trace', 'Debug', 'Info', 'Warn', 'Error']) this[`log${level}`](`said ${tup.values[0]}`);
    done();
  }),
  chatter: bolt(function (tup, done) {
    console.log('printed for row', tup.values[0]);
    this.send(tup.values, tup.id);
    done();
  }),
  sequence: class extends Spout {
    initialize(conf, ctx, done) { this.n = 0; this.count = conf.count ?? 7; done(); }
    activate(done) { done(); }
    deactivate(done) { done(); }
    nextTuple(done) {
      if (this.n < this.count) this.emit({ tuple: [this.n++] }, none);
      done();
    }
  },
  'with-ids': class extends Spout {
    initialize(conf, ctx, done) { this.n = 0; done(); }
    activate(done) { done(); }
    deactivate(done) { done(); }
    nextTuple(done) {
      const ids = [1, 'one', 2.5, false, 0];
      if (this.n <= ids.length) this.emit({ tuple: [this.n], id: ids[this.n] }, none);
      this.n++;
      done();
    }
    ack(id, done) { this.emit({ tuple: ['ack', id], stream: 'told' }, none); done(); }
    fail(id, done) { this.emit({ tuple: ['fail', id], stream: 'told' }, none); done(); }
  },
  hooks: class extends Spout {
    activate(done) { this.emit({ tuple: ['activate'] }, none); done(); }
    deactivate(done) { this.emit({ tuple: ['deactivate'] }, none); done(); }
    nextTuple(done) { done(); }
  },
};

new components[process.env.POLYBOLT_COMPONENT]().run();
