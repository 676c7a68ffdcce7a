'use strict';
// Real children on real pipes: the takeover, what is printed, the end, signals.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { Host, FROM_CHILD, TO_CHILD } = require('./host.js');

const parallel = { concurrency: 2 };
const ECHO = "const { bolt } = require('polybolt'); bolt(({ v }) => v).run();";
const major = Number(process.versions.node.split('.')[0]);
const minor = Number(process.versions.node.split('.')[1]);

test('hello, rows at both levels, stop', parallel, async (t) => {
  for (const level of ['columns', 'rows']) {
    const host = new Host(t, ECHO, { env: { POLYBOLT_LEVEL: level } });
    assert.deepEqual(await host.start(), { replays: false });
    const { hello } = host;
    assert.deepEqual([hello.version, hello.level, hello.kind, hello.pid, hello.features, hello.stack_signal], [1, level, 'bolt', host.child.pid, ['beat', 'json', 'stacks'], 12]);
    assert.match(hello.sdk, /^polybolt-node \d+\.\d+\.\d+$/);
    assert.equal(hello.runtime, `Node.js ${process.version}`);
    const values = ['a', 1, 1.5, null, true, 2n ** 60n, [1, { k: 'v' }], Buffer.from([0, 255]), new Date(5)];
    const r = await host.process(values.map((v) => [v]));
    assert.deepEqual(r.emits.map((e) => e.values[0]), values.filter((v) => v !== null));
    assert.deepEqual(await host.stop(), { code: 0, signal: null });
    assert.equal(host.before + host.stderr, '');
  }
});

test('import and require give one class, in an ES module, a CommonJS one, and mixed; a copy in node_modules is passed over', parallel, async (t) => {
  const copy = { 'node_modules/polybolt/index.js': "throw new Error('the copy')", 'node_modules/polybolt/package.json': '{"main": "index.js"}' };
  const esm = "import polybolt, { Bolt } from 'polybolt'; import * as dep from './dep.cjs'; import { Tester } from 'polybolt/testing';";
  const forms = [
    ['component.mjs', `${esm} class C extends Bolt { process() { this.emit([[dep.default.Bolt === Bolt, polybolt.Bolt === Bolt, typeof Tester]]); } } C.run();`, {}],
    ['component.js', `${esm} class C extends Bolt { process() { this.emit([[dep.default.Bolt === Bolt, polybolt.Bolt === Bolt, typeof Tester]]); } } C.run();`, { 'package.json': '{"type": "module"}' }],
    ['component.cjs', "const { Bolt } = require('polybolt'); const same = import('./dep.mjs'); class C extends Bolt { async process() { const m = await same; this.emit([[m.Bolt === Bolt, require('./dep.cjs').Bolt === Bolt, 'function']]); } } C.run();", {}],
    ['component', "const { Bolt } = require('polybolt'); class C extends Bolt { process() { this.emit([[require('./dep.cjs').Bolt === Bolt, true, typeof require('polybolt/testing').Tester]]); } } C.run();", {}],
  ];
  // A module without an extension or a type that says so: found out by its syntax.
  if (major > 22 || (major === 22 && minor >= 7) || (major === 20 && minor >= 19)) forms.push(['component.js', forms[0][1], {}]);
  for (const [file, source, files] of forms) for (const register of [true, false]) {
    const host = new Host(t, source, { file, register, files: { ...copy, ...files, 'dep.cjs': "exports.Bolt = require('polybolt').Bolt", 'dep.mjs': "export { Bolt } from 'polybolt'" } });
    await host.start();
    assert.deepEqual((await host.process([[1]])).emits.map((e) => e.values[0]), [[true, true, 'function']], file);
    assert.deepEqual(await host.stop(), { code: 0, signal: null });
  }
});

test('D1 whatever is printed, by whom ever, is a log line or on stderr, and no frame is lost', parallel, async (t) => {
  const host = new Host(t, `
    const { Bolt } = require('polybolt');
    const { execFileSync, spawn } = require('child_process');
    const fs = require('fs');
    console.log('top');
    process.stdout.write('raw top\\n');
    class Loud extends Bolt {
      initialize() { console.log('in initialize'); execFileSync('sh', ['-c', 'echo from a shell'], { stdio: 'inherit' }); }
      process(tup) {
        console.log('row %d', tup.get('v'));
        process.stdout.write('raw\\n');
        fs.writeSync(1, 'to descriptor 1\\n');
        setImmediate(() => console.error('from a timer'));
        this.emit([tup.get('v')]);
      }
      processTick() { console.warn('tick'); spawn('sh', ['-c', 'echo grandchild; cat'], { stdio: 'inherit' }).on('exit', () => console.debug('cat has ended')); }
    }
    Loud.run();`);
  await host.start();
  for (let frame = 0; frame < 20; frame++) {
    const r = await host.process(Array.from({ length: 500 }, (_, i) => [frame * 500 + i]));
    assert.equal(r.emits.length, 500);
  }
  host.send(TO_CHILD.TICK);
  const logs = () => host.messages.filter((m) => m.type === FROM_CHILD.LOG);
  await host.until(() => logs().some((m) => m.text === 'cat has ended'), 'the end of cat: descriptor 0 is empty');
  await host.until(() => logs().filter((m) => m.text === 'from a timer').length === 10_000, 'timers');
  const count = (level, pattern) => logs().filter((m) => m.level === level && pattern.test(m.text)).length;
  assert.deepEqual([count(2, /^row \d+$/), count(4, /^from a timer$/), count(3, /^tick$/), count(1, /^cat/), count(2, /^in initialize$/)], [10_000, 10_000, 1, 1, 1]);
  await host.until(() => host.stderr.includes('grandchild'), 'grandchild');
  const lines = host.stderr.split('\n');
  const printed = (line) => lines.filter((l) => l === line).length;
  assert.deepEqual(['top', 'raw top', 'from a shell', 'raw', 'to descriptor 1', 'grandchild', 'row 1'].map(printed), [1, 1, 1, 10_000, 10_000, 1, 0]);
  assert.equal(host.before, '');
  await host.stop();
});

test('console: levels, formats, groups, tables; log levels can be changed', parallel, async (t) => {
  const host = new Host(t, `
    const { bolt } = require('polybolt');
    bolt(({ v }) => {
      console.log('%s is %d', 'x', 7, { a: 1 }); console.info('i'); console.debug('d'); console.warn('w'); console.error(new Error('e').message);
      console.group('g'); console.log('in\\nside'); console.groupEnd(); console.log('out');
      console.dir({ b: 2 }); console.assert(1 === 2, 'no'); console.table([{ c: 3 }]); console.count(); console.trace('here');
      console.log('x'.repeat(100000)); console.log('\\ud800');
    }).run();`);
  await host.start();
  await host.process([[1]]);
  const logs = host.messages.filter((m) => m.type === FROM_CHILD.LOG).map((m) => [m.level, m.text]);
  assert.deepEqual(logs.slice(0, 10), [[2, 'x is 7 { a: 1 }'], [2, 'i'], [1, 'd'], [3, 'w'], [4, 'e'], [2, 'g'], [2, '  in\n  side'], [2, 'out'], [2, '{ b: 2 }'], [3, 'Assertion failed: no']]);
  assert.match(logs[10][1], /│ +c +│[^]*│ +3 +│/);
  assert.deepEqual(logs[11], [2, 'default: 1']);
  assert.match(logs[12][1], /^Trace: here\n {4}at .*component\.js:/);
  assert.ok(logs[13][1].length < 40_000 && logs[13][1].includes('characters left out'));
  assert.deepEqual(logs[14], [2, '\ufffd']);
  host.messages.length = 0;
  host.send(TO_CHILD.LEVEL, 3);
  await host.process([[1]]);
  assert.deepEqual(host.messages.map((m) => m.text), ['w', 'e', 'Assertion failed: no']);
  assert.equal(host.stderr, '');
  await host.stop();
});

test('D3 1 MB on stderr before the handshake, in process, and in nextTuple', parallel, async (t) => {
  const flood = "require('fs').writeSync(2, 'x'.repeat(1023) + '\\n')";
  const bolt = new Host(t, `for (let i = 0; i < 1024; i++) ${flood}; require('polybolt').bolt(({ v }) => { for (let i = 0; i < 1024; i++) ${flood}; return v; }).run();`);
  await bolt.start();
  assert.equal((await bolt.process([[1]])).emits.length, 1);
  await bolt.until(() => bolt.stderr.length === 2 << 20, 'two MB');
  await bolt.stop();
  const spout = new Host(t, `require('polybolt').spout(function* () { for (let i = 0; i < 1024; i++) ${flood}; yield 1; }).run();`);
  await spout.start();
  assert.equal((await spout.ask(1)).emits.length, 1);
  await spout.stop();
});

test('D3 the last words get through a full stderr that does not block', parallel, async (t) => {
  const host = new Host(t, `
    process.stderr.write('');
    const { writeSync, writeFileSync } = require('fs');
    require('polybolt').bolt(() => {
      try { for (;;) writeSync(2, 'x'.repeat(1000) + '\\n'); } catch (error) { writeFileSync('code', error.code); }
    }).run();`);
  await host.start();
  host.errors.pause();
  await host.process([[1]]);
  host.send(TO_CHILD.ACTIVATE);
  await host.wait(FROM_CHILD.ERROR);
  assert.equal(fs.readFileSync(path.join(host.bundle, 'code'), 'utf8'), 'EAGAIN');
  host.errors.resume();
  assert.deepEqual(await host.exited, { code: 1, signal: null });
  await host.until(() => host.stderr.includes('is not for a bolt'), 'the last words');
});

test('a CommonJS component costs no thread of hooks, and leaves stderr blocking', parallel, async (t) => {
  const threads = "require('fs').readdirSync('/proc/self/task').length";
  const plain = Number(spawnSync(process.execPath, ['-p', threads], { encoding: 'utf8' }).stdout);
  const host = new Host(t, `require('polybolt').bolt(() => [${threads}, require('fs').readFileSync('/proc/self/fdinfo/2', 'utf8').split('\\n')[1]]).run();`, { outputs: [['default', ['n', 'flags']]], register: false }); // --import starts threads of its own
  await host.start();
  const [n, flags] = (await host.process([[1]])).emits[0].values;
  assert.equal(n, plain + 1); // that of stacks.js
  assert.equal(parseInt(flags.split('\t')[1], 8) & fs.constants.O_NONBLOCK, 0);
  await host.stop();
});

test('stdin at its end ends the process, with timers, servers, and a promise that never settles', parallel, async (t) => {
  const host = new Host(t, `
    setInterval(() => {}, 1000);
    require('net').createServer().listen(0, '127.0.0.1');
    require('polybolt').bolt(() => new Promise(() => {})).run();`);
  await host.start();
  host.data([[1]]);
  host.input.end();
  assert.deepEqual(await host.exited, { code: 0, signal: null });
});

test('stop: onStop, what it emits, exit 0 with live timers; a row that never ends is not waited for', parallel, async (t) => {
  const host = new Host(t, `
    const { Bolt } = require('polybolt');
    setInterval(() => {}, 1000);
    class Stop extends Bolt {
      async process(tup) { this.emit([tup.get('v')]); await new Promise(() => {}); }
      async onStop() { await new Promise((resolve) => setTimeout(resolve, 20)); this.emit(['x'.repeat(2_000_000)]); this.metrics.counter('n').inc(); console.log('bye'); }
    }
    Stop.run();`);
  await host.start();
  host.data([['first']]);
  await host.wait(FROM_CHILD.REPLY);
  assert.deepEqual(await host.stop(500), { code: 0, signal: null });
  const { seq, n, groups } = await host.until(() => host.messages.find((m) => m.type === FROM_CHILD.REPLY), 'what onStop emits');
  assert.deepEqual([seq, n, groups[0].rows[0][0].length], [0, 0, 2_000_000]);
  await host.until(() => host.messages.some((m) => m.text === 'bye') && host.messages.some((m) => m.metrics), 'the last words');
});

for (const [name, source, message] of [
  ['an exception in a timer', "setTimeout(() => { throw new TypeError('in a timer'); }, 20)", 'in a timer'],
  ['a rejection that nobody catches', "Promise.reject(new TypeError('nobody'))", 'nobody'],
  ['an exception in initialize', '', 'no database'],
  ['an error that cannot be shown', "setTimeout(() => { throw Object.assign(new TypeError('odd'), { stack: 5 }); }, 20)", 'odd'],
]) {
  test(`D21 ${name} is reported, and ends the process with 1`, parallel, async (t) => {
    const host = new Host(t, `
      const { Bolt } = require('polybolt');
      class C extends Bolt {
        initialize() { ${source || "throw new TypeError('no database')"}; }
        process() {}
      }
      C.run();`);
    host.send(TO_CHILD.WELCOME, host.welcome);
    host.send(TO_CHILD.START);
    const { error } = await host.wait(FROM_CHILD.ERROR);
    assert.deepEqual([error.type, error.message], ['TypeError', message]);
    if (!source.includes('stack')) assert.match(error.place, /^component\.js:\d+$/);
    assert.deepEqual(await host.exited, { code: 1, signal: null });
    assert.ok(error.traceback.includes(`TypeError: ${message}`), error.traceback);
    assert.equal(host.stderr, ''); // it is told once
  });
}

test('user code with an uncaughtException handler of its own lives on; the error is reported', parallel, async (t) => {
  const host = new Host(t, `
    process.on('uncaughtException', () => {});
    require('polybolt').bolt(({ v }) => { setImmediate(() => { throw new Error('mine'); }); return v; }).run();`);
  await host.start();
  await host.process([[1]]);
  assert.equal((await host.wait(FROM_CHILD.ERROR)).error.message, 'mine');
  assert.equal((await host.process([[2]])).emits.length, 1);
  await host.stop();
});

test('D21 the process ends though the pipe is broken', parallel, async (t) => {
  const host = new Host(t, "require('polybolt').bolt(() => { require('fs').writeFileSync('go', ''); console.log('x'.repeat(1000)); for (;;) console.log('x'.repeat(1000)); }).run();");
  await host.start();
  host.data([[1]]);
  await host.until(() => fs.existsSync(path.join(host.bundle, 'go')), 'a row in progress');
  host.output.destroy();
  assert.deepEqual(await host.exited, { code: 1, signal: null });
});

test('run by hand: one helpful line, exit 2', parallel, () => {
  const file = path.join(fs.mkdtempSync(path.join(require('node:os').tmpdir(), 'polybolt-')), 'split.js');
  fs.writeFileSync(file, `require(${JSON.stringify(path.join(__dirname, '..'))}).bolt(() => 1).run(); console.log('not reached')`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
  assert.deepEqual([status, stdout, stderr], [2, '', 'polybolt: this is a component of a Polybolt topology, and is started by the host: try `polybolt run` in the folder of its topology.yaml\n']);
  const socket = spawnSync(process.execPath, [file], { encoding: 'utf8', env: { ...process.env, POLYBOLT_BUNDLE: path.dirname(file) } });
  assert.equal(socket.status, 2);
  assert.match(socket.stderr, /^polybolt: the protocol cannot be moved away from descriptors 0 and 1, which must be pipes: /);
  fs.rmSync(path.dirname(file), { recursive: true });
});

test('a program that ends without run() says so; run() twice is an error', parallel, async (t) => {
  const host = new Host(t, "require('polybolt').bolt(() => 1);");
  assert.deepEqual(await host.exited, { code: 0, signal: null });
  await host.until(() => /polybolt: .*component\.js has ended without a call of run\(\)/.test(host.stderr), 'the hint');
  const twice = new Host(t, `const { bolt } = require('polybolt'); const b = bolt(() => 1); b.run(); b.run();`);
  assert.deepEqual(await twice.exited, { code: 1, signal: null });
  assert.equal((await twice.wait(FROM_CHILD.ERROR)).error.message, 'run() was called before: a process is one component');
});

test('what a component starts is untouched: no marker, no preload, its own descriptors; the rest of NODE_OPTIONS stays', parallel, async (t) => {
  const show = "JSON.stringify([process.env.POLYBOLT_BUNDLE, process.env.NODE_OPTIONS, Object.getOwnPropertySymbols(process).map(String).filter((s) => s.includes('polybolt')), require('fs').readdirSync('/proc/self/fd').length])";
  const host = new Host(t, `
    const { execFileSync } = require('child_process');
    require('polybolt').bolt(() => [process.env.NODE_OPTIONS ?? null, process.env.POLYBOLT_BUNDLE ?? null, JSON.parse(execFileSync(process.execPath, ['-p', ${JSON.stringify(show)}]))]).run();`, {
    outputs: [['default', ['options', 'marker', 'child']]],
  });
  await host.start();
  const [options, marker, [childMarker, childOptions, symbols]] = (await host.process([[1]])).emits[0].values;
  assert.deepEqual([options, marker, childMarker, childOptions, symbols], [null, null, null, null, []]);
  await host.stop();
});

test('NODE_OPTIONS of the user stay as they were typed', parallel, async (t) => {
  const { cleanOptions } = load();
  const sdk = path.join(__dirname, '..');
  const clean = (text) => {
    process.env.NODE_OPTIONS = text;
    cleanOptions();
    const left = process.env.NODE_OPTIONS;
    delete process.env.NODE_OPTIONS;
    return left;
  };
  const url = require('node:url').pathToFileURL(path.join(sdk, 'register.mjs')).href;
  assert.equal(clean(`--require ${sdk}/preload.js --import ${url}`), undefined);
  assert.equal(clean(`--require "${sdk}/preload.js" --import=${url} --max-old-space-size=100 -r "/a b/x\\"y.js"`), '--max-old-space-size=100 -r "/a b/x\\"y.js"');
  assert.equal(clean('--require /other/preload.js --import file:///other/register.mjs'), '--require /other/preload.js --import file:///other/register.mjs');
  assert.equal(clean('--require'), '--require');
  assert.ok(t);
});

function load() {
  return require('../preload.js');
}

test('a wrapper in node_modules is passed over, with the marker for the program that it starts', parallel, async (t) => {
  const host = new Host(t, ECHO, {
    files: {
      'node_modules/wrap/cli.js': "console.log('the wrapper'); require('child_process').spawnSync(process.execPath, process.argv.slice(2), { stdio: 'inherit' });",
      'node_modules/inside/cli.js': "require(require('path').resolve(process.argv[2]));",
    },
    command: [process.execPath, 'node_modules/wrap/cli.js', 'component.js'],
  });
  await host.start();
  assert.equal((await host.process([['x']])).emits.length, 1);
  assert.equal(host.before, 'the wrapper\n');
  await host.stop();
  // One that loads the component into itself: the takeover comes with require('polybolt').
  const inside = new Host(t, ECHO, { files: { 'node_modules/inside/cli.js': "require(require('path').resolve(process.argv[2]));" }, command: [process.execPath, 'node_modules/inside/cli.js', 'component.js'] });
  await inside.start();
  assert.equal((await inside.process([['x']])).emits.length, 1);
  await inside.stop();
});

test('forks and worker threads may require polybolt; run() in them is refused, and the component is not disturbed', parallel, async (t) => {
  const helper = "const p = require('polybolt'); process.send(typeof p.Bolt);";
  const host = new Host(t, `
    const { fork } = require('child_process');
    const { Worker } = require('worker_threads');
    const { Bolt } = require('polybolt');
    const said = (child) => new Promise((resolve, reject) => { child.on('message', resolve); child.on('error', reject); });
    class C extends Bolt {
      async process() {
        this.emit([await said(fork('helper.js'))]);
        this.emit([await said(fork('helper.mjs', { execArgv: ['--import', require.resolve('polybolt/register')] }))]);
        this.emit([await said(new Worker('./worker.js'))]);
        const code = await new Promise((resolve) => fork('runs.js', { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }).on('exit', resolve));
        this.emit(['exit ' + code]);
      }
    }
    C.run();`, {
    files: {
      'helper.js': helper,
      'helper.mjs': "import { Bolt } from 'polybolt'; process.send(typeof Bolt);",
      'worker.js': "require('worker_threads').parentPort.postMessage(typeof require('polybolt').Bolt); console.log('from a worker');",
      'runs.js': "require('polybolt').bolt(() => 1).run();",
    },
  });
  await host.start();
  const r = await host.process([[1]]);
  assert.deepEqual(r.failed, []);
  assert.deepEqual(r.emits.map((e) => e.values[0]), ['function', 'function', 'function', 'exit 2']);
  await host.until(() => host.stderr.includes('try `polybolt run`') && host.stderr.includes('from a worker'), 'the refusal');
  await host.stop();
});

test('D25 SIGUSR2 prints what is in progress, and the component goes on', parallel, async (t) => {
  const host = new Host(t, "const { bolt } = require('polybolt'); let go; bolt(async ({ v }) => { if (v === 'wait') await new Promise((resolve) => { go = resolve; }); else go(); return v; }).run();", { welcome: { concurrency: 2 } });
  await host.start();
  const seq = host.data([['wait']]);
  host.data([['x'], ['go']]);
  await host.until(() => host.messages.length > 0, 'a reply');
  host.child.kill('SIGUSR2');
  await host.until(() => /polybolt: bolt of comp, pid \d+\n {2}in progress: [01]/.test(host.stderr), 'the dump');
  assert.equal((await host.covered(seq, 1)).failed.length, 0);
  await host.stop();
});

test('Ctrl-C in the process group is the host\'s affair', parallel, async (t) => {
  const host = new Host(t, ECHO);
  await host.start();
  host.child.kill('SIGINT');
  assert.equal((await host.process([['x']])).emits.length, 1);
  await host.stop();
});

/** What whoever connects to a component's socket is written. */
function stacksOf(folder) {
  return new Promise((resolve, reject) => {
    let text = '';
    require('node:net').connect(path.join(folder, '.stacks')).setEncoding('utf8').on('data', (more) => { text += more; }).on('end', () => resolve(text)).on('error', reject);
  });
}

test('D25 the stacks of a component that is busy, that waits, and that blocks', parallel, async (t) => {
  const host = new Host(t, `
    const { bolt } = require('polybolt');
    const fs = require('fs');
    function spinning(flag) { while (!fs.existsSync(flag)) {} }
    const cell = new Int32Array(new SharedArrayBuffer(4));
    function blocking(flag) { while (!fs.existsSync(flag)) Atomics.wait(cell, 0, 0, 1500); }
    bolt(function busy({ v }) { if (v === 'spin') spinning('spun'); else if (v === 'block') blocking('blocked'); return v; }).run();`);
  await host.start();
  await host.until(() => fs.existsSync(path.join(host.folder, '.stacks')), 'the socket');
  const shows = async (want) => {
    let text = '';
    for (const end = Date.now() + 20_000; !want.test(text) && Date.now() < end;) text = await stacksOf(host.folder);
    assert.match(text, want);
  };
  await shows(/^Main thread: it waits[^]*polybolt: bolt of comp/);
  for (const [word, flag, want] of [['spin', 'spun', /^Main thread:\n(?:.*\n)* {4}at spinning \(.*component\.js:4:\d+\)\n {4}at busy \(.*component\.js:7:\d+\)\n/], ['block', 'blocked', /at blocking \(/]]) {
    const seq = host.data([[word]]);
    await shows(want);
    fs.writeFileSync(path.join(host.bundle, flag), '');
    assert.equal((await host.covered(seq, 1)).failed.length, 0);
  }
  assert.deepEqual(await host.stop(), { code: 0, signal: null });
  assert.equal(host.stderr, '');
});

test('without stacks there is neither thread nor socket', parallel, async (t) => {
  const host = new Host(t, ECHO, { env: { POLYBOLT_STACKS: 'off' } });
  await host.start();
  assert.equal((await host.process([['x']])).emits.length, 1);
  assert.equal(fs.existsSync(path.join(host.folder, '.stacks')), false);
  await host.stop();
});

for (const [what, source, message, place] of [
  ['a class without a method', `const { Bolt } = require('polybolt');\nclass B extends Bolt {}\nB.run();`,
    'comp: B overrides neither process nor processBatch', 'component.js:3'],
  ['a spout function that is no generator', `const { spout } = require('polybolt');\nconst s = spout(() => 5);\ns.run();`,
    'comp: the function of a spout is a generator (function* or async function*), this one returns number 5', 'component.js:2'],
]) {
  test(`D15 ${what} is told once, with the line of the user's`, async (t) => {
    const host = new Host(t, source);
    const { hello } = await host.wait(FROM_CHILD.HELLO);
    host.send(TO_CHILD.WELCOME, { ...host.welcome, kind: hello.kind });
    host.send(TO_CHILD.START);
    if (hello.kind === 'spout') {
      host.send(TO_CHILD.ACTIVATE);
      host.next(1);
    }
    const { error } = await host.wait(FROM_CHILD.ERROR);
    assert.deepEqual([error.type, error.message, error.place], ['ComponentError', message, place]);
    assert.equal(hello.place, 'component.js:3');
    assert.match(error.traceback, new RegExp(`^ *at .*${place}`));
    assert.ok(!error.traceback.includes(message) && !/polybolt|node:internal/.test(error.traceback.replace(/polybolt-\w+/g, '')), error.traceback);
    assert.deepEqual(await host.exited, { code: 1, signal: null });
    assert.equal(host.stderr, '');
  });
}
