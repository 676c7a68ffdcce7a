'use strict';
// Where a component's time goes: ns a row, by stage and in whole, with frames
// of 1,000 and 4,000 rows. In one process: no pipe, no host.
//
//   node bench/stages.js [name …]
const { Bolt, Spout, bolt, spout } = require('../index.js');
const { BoltComponent } = require('../lib/bolt.js');
const { SpoutComponent } = require('../lib/spout.js');
const { readMessage, TO_CHILD } = require('../lib/wire.js');
const { dataTo } = require('../lib/fromchild.js');

const SENTENCES = ['the cow jumped over the moon', 'an apple a day keeps the doctor away', 'four score and seven years ago', 'snow white and the seven dwarfs', 'i am at two with nature'];
const WORDS = SENTENCES.flatMap((s) => s.split(' '));
const keys = Array.from({ length: 50_000 }, (_, i) => `user-${(i * 7919) % 1000003}`);
const cycle = (list, n) => Array.from({ length: n }, (_, i) => [list[i % list.length]]);

/** A component in this process; write() counts bytes. */
async function start(kind, target, fields, outputs, options = {}) {
  const Kind = kind === 'bolt' ? BoltComponent : SpoutComponent;
  const io = { written: 0, write(bytes) { io.written += bytes.length; }, exit() {}, fatal(error) { throw error; }, bundle: __dirname };
  const component = new Kind(target, io);
  component.hello();
  component.receive({ type: TO_CHILD.WELCOME, welcome: {
    version: 1, level: 'columns', topology: 't', component: 'c', kind, task: 1, index: 0, tasks: {}, dir: '.', conf: {},
    inputs: [['in', 'default', fields]], outputs, max_message_bytes: 16 << 20, beat_ms: 0, concurrency: 1, log_level: 2, ...options,
  } });
  await component.start();
  return component;
}

/** Runs f(k) for about 60 ms, seven times; returns the best ns per unit. */
async function best(units, f) {
  let least = Infinity;
  for (let round = 0; round < 8; round++) {
    const begin = process.hrtime.bigint();
    let n = 0, spent = 0;
    while (spent < 60e6) {
      await f();
      n++;
      spent = Number(process.hrtime.bigint() - begin);
    }
    if (round > 0) least = Math.min(least, spent / n / units);
  }
  return least;
}

async function frames(name, target, fields, rows, outputs, options) {
  for (const n of [1000, 4000]) {
    const component = await start('bolt', target, fields, outputs, options);
    const bytes = dataTo(1, 0, 1, rows(n)).subarray(4);
    const decode = await best(n, () => readMessage(bytes, 0, bytes.length, 'columns', component.inputs));
    const idle = () => component.active === 0 && component.inbox.length === 0;
    const whole = await best(n, () => {
      component.receive(readMessage(bytes, 0, bytes.length, 'columns', component.inputs));
      return idle() ? undefined : new Promise((resolve) => {
        const look = () => (idle() ? resolve() : setImmediate(look));
        look();
      });
    });
    console.log(`${name.padEnd(44)} ${String(n).padStart(5)} rows  whole ${whole.toFixed(0).padStart(6)} ns  decode ${decode.toFixed(0).padStart(5)} ns`);
  }
}

async function answers(name, target) {
  for (const n of [1000, 4000]) {
    const component = await start('spout', target, [], [['default', ['line']]]);
    component.receive({ type: TO_CHILD.ACTIVATE });
    await null;
    const whole = await best(n, () => {
      component.receive({ type: TO_CHILD.NEXT, seq: 1, rows: n, bytes: 1 << 30 });
      return component.outbox.seq === 0 ? undefined : new Promise((resolve) => {
        const look = () => (component.outbox.seq === 0 ? resolve() : setImmediate(look));
        look();
      });
    });
    console.log(`${name.padEnd(44)} ${String(n).padStart(5)} rows  whole ${whole.toFixed(0).padStart(6)} ns`);
  }
}

class Split extends Bolt {
  process(tup) {
    for (const word of tup.get('line').split(' ')) this.emit([word]);
  }
}
class Count extends Bolt {
  counts = new Map();
  process(tup) {
    const word = tup.get('word');
    const n = (this.counts.get(word) ?? 0) + 1;
    this.counts.set(word, n);
    this.emit([word, n]);
  }
}
class AsyncCount extends Count {
  async process(tup) { super.process(tup); }
}
class Lines extends Spout {
  i = 0;
  nextTuple() { this.emit([SENTENCES[this.i++ % 5]]); }
}
const counter = () => {
  const counts = new Map();
  return ({ word }) => {
    const n = (counts.get(word) ?? 0) + 1;
    counts.set(word, n);
    return [word, n];
  };
};
function loop() {
  const counts = new Map();
  const data = Array.from({ length: 200_000 }, (_, i) => SENTENCES[i % 5]);
  const begin = process.hrtime.bigint();
  for (const s of data) for (const w of s.split(' ')) counts.set(w, (counts.get(w) ?? 0) + 1);
  return Number(process.hrtime.bigint() - begin) / data.length;
}

const WORD = [['default', ['word']]], PAIR = [['default', ['word', 'n']]];
const all = {
  plain: async () => console.log(`plain loop: split and count, a sentence: ${Math.min(loop(), loop(), loop()).toFixed(0)} ns`),
  split: () => frames('split, function (a sentence)', bolt(function* ({ line }) { for (const w of line.split(' ')) yield w; }), ['line'], (n) => cycle(SENTENCES, n), WORD),
  splitClass: () => frames('split, class (a sentence)', Split, ['line'], (n) => cycle(SENTENCES, n), WORD),
  count: () => frames('count, function (a word)', bolt(counter()), ['word'], (n) => cycle(WORDS, n), PAIR),
  countKeys: () => frames('count, function (50,000 keys)', bolt(counter()), ['word'], (n) => cycle(keys, n), PAIR),
  countClass: () => frames('count, class (a word)', Count, ['word'], (n) => cycle(WORDS, n), PAIR),
  countAsync: () => frames('count, async class (a word)', AsyncCount, ['word'], (n) => cycle(WORDS, n), PAIR),
  async: () => frames('async function (a word)', bolt(async ({ word }) => word), ['word'], (n) => cycle(WORDS, n), WORD),
  objects: () => frames('objects, function', bolt(({ o }) => ({ ...o, seen: true })), ['o'], (n) => cycle([{ id: 12345, name: 'Alice', tags: ['a', 'b'], score: 3.75 }], n), WORD),
  spout: () => answers('spout, generator (a sentence)', spout(function* () { for (;;) yield* SENTENCES; })),
  spoutClass: () => answers('spout, class (a sentence)', Lines),
};

(async () => {
  console.log(process.version);
  for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(all)) await all[name]();
})();
