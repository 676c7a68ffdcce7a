'use strict';
// Rows a second through a real child and its pipes: a host that writes one
// frame again and again, two of them in the child, and counts replies.
//
//   node bench/pipe.js [name …]
const fs = require('fs');
const { Host } = require('../test/host.js');
const { dataTo } = require('../lib/fromchild.js');

const SENTENCES = ['the cow jumped over the moon', 'an apple a day keeps the doctor away', 'four score and seven years ago', 'snow white and the seven dwarfs', 'i am at two with nature'];
const WORDS = SENTENCES.flatMap((s) => s.split(' '));
const SPLIT = `require('polybolt').bolt(function* ({ v }) { for (const w of v.split(' ')) yield w; }).run()`;
const COUNT = `const c = new Map(); require('polybolt').bolt(({ v }) => { const n = (c.get(v) ?? 0) + 1; c.set(v, n); return [v, n]; }).run()`;
const CLASS = `class Count extends require('polybolt').Bolt { c = new Map(); process(tup) { const v = tup.get('v'); const n = (this.c.get(v) ?? 0) + 1; this.c.set(v, n); this.emit([v, n]); } } Count.run()`;
const STORM = (params) => `const { BasicBolt } = require('polybolt/storm'); function Split() { BasicBolt.call(this); }
Split.prototype = Object.create(BasicBolt.prototype);
Split.prototype.process = function (tup, done) {
  const self = this;
  tup.values[0].split(' ').forEach(function (word) { self.emit({tuple: [word], anchorTupleId: tup.id}, function (${params}) {}); });
  done();
};
new Split().run()`;
const all = {
  split: [SPLIT, SENTENCES, [['default', ['w']]]],
  storm: [STORM(''), SENTENCES, [['default', ['w']]]],
  count: [COUNT, WORDS, [['default', ['w', 'n']]]],
  countClass: [CLASS, WORDS, [['default', ['w', 'n']]]],
};

async function measure(name, n) {
  const [source, values, outputs] = all[name];
  const after = [];
  const host = new Host({ after: (f) => after.push(f) }, source, { outputs });
  await host.start();
  const rows = Array.from({ length: n }, (_, i) => [values[i % values.length]]);
  let seq = 0, covered = 0, begin = 0, spent = 0, frames = 0;
  const ticks = () => {
    const stat = fs.readFileSync(`/proc/${host.child.pid}/stat`, 'utf8').split(' ');
    return Number(stat[13]) + Number(stat[14]);
  };
  const send = () => host.write(dataFor(++seq));
  const encoded = dataTo(1, 0, 1, rows);
  // The number of a frame stands at byte 6, and is written with 5 bytes in all.
  const long = dataTo(0x7fffffff, 0, 1, rows);
  const dataFor = (number) => {
    const bytes = Buffer.from(long);
    bytes.writeUInt32BE(number, 7);
    return bytes;
  };
  await new Promise((resolve) => {
    let pending = 0;
    host.take = (bytes) => { // replies only: [3, seq, first, n, …
      if (bytes[1] !== 3) return;
      const r = new (require('../lib/msgpack.js').Reader)(bytes, 2);
      r.value();
      r.value();
      pending += r.value();
      if (pending < n) return;
      pending -= n;
      frames++;
      if (frames === 20) {
        begin = performance.now();
        spent = ticks();
        covered = 0;
      } else covered += n;
      if (frames > 20 && performance.now() - begin > 3000) return resolve();
      send();
    };
    send();
    send();
  });
  const seconds = (performance.now() - begin) / 1000;
  const cpu = (ticks() - spent) * 1e4 / covered; // a tick is 10 ms
  console.log(`${name.padEnd(12)} ${String(n).padStart(5)} rows a frame: ${(covered / seconds / 1000).toFixed(0).padStart(6)} k rows/s, child's CPU ${cpu.toFixed(2)} µs a row (${encoded.length} bytes a frame)`);
  for (const f of after) f();
}

(async () => {
  for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(all)) for (const n of [1, 100, 1000, 4000]) await measure(name, n);
  process.exit(0);
})();
