// Fuzzes the decoders of the Node SDK: node tools/fuzz/decoders.mjs [SECONDS for each] [SEED]
//
// As decoders.py does for Python, with the same seeds and the same rules: a decoder may return values, which must survive
// being written and read again, or throw a WireError; anything else, or more than a second, is a finding, printed and exit
// code 1. Then says how many of the decoders' lines have run; under 95 % is a failure too.
import fs from 'node:fs';
import inspector from 'node:inspector';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

const repository = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const require = createRequire(import.meta.url);
const profiler = new inspector.Session(); // begins before the SDK is loaded, else V8 knows no blocks
profiler.connect();
profiler.post('Profiler.enable');
profiler.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
const lib = (name) => require(path.join(repository, 'shells/node/lib', name));
const { Reader, Writer, WireError } = lib('msgpack.js');
const { readColumn, writeColumn } = lib('columns.js');
const { FrameReader, readMessage, MAX_ROWS } = lib('wire.js');
const { admit } = lib('lane.js');

// The functions that decode.
const DECODERS = {
  'wire.js': ['readMessage', 'readArray', 'readU32s', 'readData', 'readColumns', 'readExt', 'readRows', 'space', 'filled', '_length', 'next'],
  'columns.js': ['readColumn', 'readKind', 'sized', 'notText', 'readBools', 'readInts', 'readFloats', 'readStrings', 'remember', 'splitBlocks', 'readLengths', 'readAny', 'readJson', 'tagLargest'],
  'msgpack.js': ['take', '_u8', '_u16', '_u32', '_length', '_float', '_int64', '_notText', 'bytes', '_enter', '_array', '_oddMap', '_timestamp', 'text'],
};

// Bytes that declare gigabytes, and numbers at the edges of their types.
const DEADLY = ['ddffffffff', 'dfffffffff', 'dbffffffff', 'c6ffffffff', 'c9ffffffff01', 'dcffff', '96030100020addffffffff', '9603010002ceffffffff91d501ff', 'dd00000001'.repeat(40) + 'c0', '91'.repeat(1000),
  '9603010002cf7fffffffffffffff91c70001', 'cf8000000000000000', '96030100010191c70001', 'c70d' + 'ff'.repeat(14), 'd7ffffffffffffffffff', 'c70cff00000000' + '7f' + 'ff'.repeat(7), 'de0001c0c0', 'df00000001c0c0', 'da0001ff',
  'c50001ff', '8190c0', '82a161c0a161c3', 'ca3fc00000', 'c1', '82c0c091c0c0', '82a16101c0c0', '9603010001019' + '1c800010561', '96030100010191c9000000010561', '96030100010191c0', '96030100010192d40561d40561',
  '96030500010191d40561', '96030100020191d40561', '9603010001019191a161', '96030100010191920102', '9703010001010191d40561c40101', '9140', '9128', '91a161', 'c0', '9603010001dc000191d40561', '9603010001dd0000000191d40561'];
const EDGES = ['00', '7f', '80', 'ff', 'ffff', 'ffffffff', '7fffffff', '00000000', 'c0', 'dd', 'df', 'c1', 'd6ff', 'd7ff', 'c70cff'].map(unhex);

function unhex(hex = '') { return Buffer.from(hex, 'hex'); }

/** Random numbers that are the same again for the same seed: mulberry32. */
function generator(seed) {
  return (n) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

function cut(frames) {
  const messages = [];
  for (let at = 0; at + 4 <= frames.length;) {
    const n = frames.readUInt32BE(at);
    messages.push(frames.subarray(at + 4, at + 4 + n));
    at += 4 + n;
  }
  return messages;
}

function seeds() {
  const load = (name) => JSON.parse(fs.readFileSync(path.join(repository, 'multilang/testdata/vectors', name), 'utf8'));
  const values = load('values.json').filter((v) => v.msgpack.length < 8192).map((v) => unhex(v.msgpack)).concat(DEADLY.map(unhex));
  const frames = [...load('frames.json'), ...load('conversations.json')].map((f) => unhex(f.frame));
  const bad = load('bad.json').map((b) => (b.frame ? unhex(b.frame).subarray(4) : unhex(b.msgpack)));
  const columns = load('columns.json').map((c) => [c.kind, c.n, unhex(c.data)]);
  const words = Array.from({ length: 2000 }, (_, i) => `word${i % 700} and more than twelve bytes`.slice(0, i % 5 === 0 ? 30 : 6));
  columns.push([5, 2000, Buffer.from(words.join('\0'))], [5, 1, Buffer.from('a\0b')], [5, 3, Buffer.from('a')], [5, 1, unhex('ff')], [6, 1, unhex('01000000ff')], [6, 1, unhex('02000000ff')], [6, 1, unhex('')], [2, 1, unhex('02')],
    [9, 2, Buffer.from('9007199254740992\n["-9007199254740992", 9007199254740992.0]')], [9, 1, Buffer.from('['.repeat(5000))], [9, 1, unhex('ff')], [9, 2, Buffer.from('1')], [8, 1, unhex('c0c0')], [99, 1, unhex('')], [24, 1, unhex('00')], [18, 9, unhex('00')], [3, 1, unhex('00')]);
  return { values, columns, messages: frames.flatMap(cut).concat(values, bad), streams: [...frames, unhex('ffffffff'), unhex('00000000'), Buffer.concat([unhex('00040000'), Buffer.alloc(1 << 18, 0x90)])] };
}

/** Returns data after a few changes. */
function mutate(random, data, others) {
  let out = data;
  const splice = (at, gone, piece) => { out = Buffer.concat([out.subarray(0, at), piece, out.subarray(at + gone)]); };
  const none = Buffer.alloc(0), any = (list) => list[random(list.length)];
  for (let k = 1 + random(5); k > 0; k--) {
    const at = random(out.length + 1);
    switch (random(7)) {
      case 0:
        out = Buffer.from(out);
        if (out.length > 0) out[at % out.length] ^= 1 << random(8);
        break;
      case 1: { const edge = any(EDGES); splice(at, edge.length, edge); break; }
      case 2: splice(at, 0, any(EDGES)); break;
      case 3: splice(at, 1 + random(8), none); break;
      case 4: splice(at, out.length, none); break;
      case 5: splice(at, 0, out.subarray(at, at + 1 + random(16))); break;
      default: { const other = any(others), start = random(other.length + 1); splice(at, 0, other.subarray(start, start + 1 + random(64))); }
    }
  }
  return out.subarray(0, 4096);
}

// ---- what must hold

function check(holds, text) {
  if (!holds) throw new Error(text);
}

function write(v) {
  const w = new Writer();
  w.value(v);
  return Buffer.from(w.buf.subarray(0, w.pos));
}

/** Whether values are the same: NaN is NaN, whatever its bits; a time beyond all Dates is what it is written as. */
function same(a, b) {
  return isDeepStrictEqual(a, b) || write(a).equals(write(b));
}

function value(data) {
  const v = new Reader(data).value();
  const again = write(v);
  check(same(new Reader(again).value(), v), 'another value after a round trip');
}

function column(kind, n, data) {
  if (!(n > 0 && n <= MAX_ROWS)) return; // what readMessage asks before
  const values = readColumn(kind, data, 0, data.length, n, {});
  check(values.length === n, `${values.length} values for ${n} rows`);
  if (n > 5000) return;
  try {
    values.forEach(write);
  } catch {
    return; // JSON may hold what the protocol does not, deep lists say; the host lets none through
  }
  const arena = new Writer(), w = new Writer();
  const settled = values.map((v) => admit(v, arena));
  w.pos = 0;
  writeColumn(w, settled, n, arena);
  const column = w.buf.subarray(0, w.pos);
  const message = Buffer.concat([unhex('96030100' + '01'), write(n), unhex('91'), column]);
  const m = readMessage(message, 0, message.length, 'columns', [{ fields: ['x'], memo: [{}] }]);
  m.columns[0].forEach((v, i) => check(same(v, values[i]), `row ${i} is another value after a round trip`));
}

const INPUTS = [{ fields: ['a'], memo: [{}] }, { fields: ['a', 'b'], memo: [{}, {}] }];

function message(data) {
  let thrown = null;
  for (const level of ['rows', 'columns']) {
    for (const inputs of [INPUTS, [...INPUTS].reverse()]) {
      try {
        const m = readMessage(data, 0, data.length, level, inputs);
        if (m?.columns) m.columns.forEach((c) => check(c.length === m.n, `${c.length} values for ${m.n} rows`));
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        thrown = error;
      }
    }
  }
  if (thrown) throw thrown;
}

function stream(data) {
  const messages = (size) => {
    const frames = new FrameReader(1 << 20), out = [];
    try {
      for (let at = 0; at < data.length;) {
        const n = data.copy(frames.space(), 0, at, Math.min(at + size, data.length));
        check(n > 0, 'no space to read into');
        frames.filled(n);
        at += n;
        while (frames.next()) out.push(frames.buf.toString('hex', frames.start, frames.end));
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      out.push('no frame');
    }
    return out.join('\n');
  };
  check(messages(data.length + 1) === messages(1 + (data.length % 7)), 'messages depend on how they are cut into reads');
}

// ---- the fuzzer

function attempt(name, decode, args) {
  const start = process.cpuUsage();
  try {
    decode(...args);
  } catch (error) {
    if (!(error instanceof WireError)) fail(`${name}: ${error.stack}`, args);
  }
  const used = process.cpuUsage(start); // not the time of day: the machine may be busy
  const took = (used.user + used.system) / 1000;
  if (took > 1000 + args.at(-1).length) fail(`${name}: ${Math.round(took)} ms of CPU time`, args);
}

function fail(what, args) {
  console.error(`${what}\nfor ${args.map((a) => (Buffer.isBuffer(a) ? a.toString('hex').slice(0, 8192) : a)).join(', ')}`);
  process.exit(1);
}

function mutant(random, args, others) {
  const head = args.slice(0, -1);
  if (head.length > 0 && random(3) === 0) head.splice(0, 2, random(32), [1, 2, 3, 8, 9, 1 << 20, 2 ** 40][random(7)]);
  return [...head, mutate(random, args.at(-1), others)];
}

function main(seconds, seed) {
  const random = generator(seed), s = seeds();
  const pool = [...s.values, ...s.messages];
  const decoders = [
    ['value', value, s.values.map((v) => [v]), pool],
    ['column', column, s.columns, [...s.columns.map((c) => c[2]), ...s.values]],
    ['message', message, s.messages.map((m) => [m]), pool],
    ['stream', stream, s.streams.map((f) => [f]), s.streams],
  ];
  for (const [name, decode, from, others] of decoders) {
    let inputs = 0;
    const end = performance.now() + 1000 * seconds;
    for (const args of from) attempt(name, decode, args);
    for (; performance.now() < end; inputs += 100) for (let i = 0; i < 100; i++) attempt(name, decode, mutant(random, from[random(from.length)], others));
    console.log(`node ${name}: ${inputs} inputs in ${seconds} s, nothing found (seed ${seed})`);
  }
}

/** Prints which lines of the decoders have not run, and returns the share of those that have. */
function coverage() {
  let all = 0, ran = 0;
  profiler.post('Profiler.takePreciseCoverage', (_, { result }) => {
    for (const [name, functions] of Object.entries(DECODERS)) {
      const { functions: seen } = result.find((r) => r.url.endsWith(`/shells/node/lib/${name}`));
      const source = fs.readFileSync(path.join(repository, 'shells/node/lib', name), 'utf8');
      for (const f of seen.filter((f) => functions.includes(f.functionName))) {
        for (const [line, start, end] of linesOf(source, f.ranges[0])) {
          all++;
          if (f.ranges.every((r) => r.count > 0 || r.endOffset <= start || r.startOffset >= end)) ran++; // all that is in it
          else console.log(`  not reached: ${name}:${line}`);
        }
      }
    }
  });
  console.log(`node: ${ran} of ${all} lines of the decoders have run, ${(100 * ran / all).toFixed(1)} %`);
  return ran / all;
}

/** Returns [number, start, end] of the lines with code in a range. */
function linesOf(source, { startOffset, endOffset }) {
  const lines = [];
  let at = startOffset, number = source.slice(0, startOffset).split('\n').length;
  for (const line of source.slice(startOffset, endOffset).split('\n')) {
    const text = line.trim();
    if (/[a-z]/i.test(text) && !/^(\/\/|\*|\/\*)/.test(text)) lines.push([number, at + line.indexOf(text), at + line.length]);
    at += line.length + 1;
    number++;
  }
  return lines;
}

main(Number(process.argv[2] ?? 60), Number(process.argv[3] ?? 1));
if (coverage() < 0.95) {
  console.error('that is under 95 %');
  process.exit(1);
}
