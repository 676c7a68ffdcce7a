'use strict';
// What `node --require` loads before any user code. It does two things:
//
//   takeOver()   moves the protocol from descriptors 0 and 1 to private ones,
//                so that whatever user code prints cannot harm it
//   resolver()   makes `require('polybolt')` and `import 'polybolt'` find this
//                folder without an install
//
// Both must be quick: they are paid for by every start of every component, and
// by every other Node program (npm, npx ...) on the way to it.
const fs = require('fs');
/** @type {any} _resolveFilename and _compile are in every Node, registerHooks since 22.15 */
const Module = require('module');
const path = require('path');

const MAGIC = Buffer.from('f550424f4c54310a', 'hex');

// Where the private descriptors are kept: on `process`, so that a second copy
// of this package (one that the user has installed) finds them as well.
const PIPE = Symbol.for('polybolt.pipe');

// What a bundle's files may import, and which file of this folder that is: [for require, for import].
const EXPORTS = {
  'polybolt': ['index.js', 'index.mjs'],
  'polybolt/testing': ['testing.js', 'testing.js'],
  'polybolt/storm': ['storm.js', 'storm.js'],
  'polybolt/register': ['register.mjs', 'register.mjs'],
  'polybolt/package.json': ['package.json', 'package.json'],
};

// ---- the descriptors

/** Tells whether file is part of the bundle: inside it, and outside node_modules. */
function inBundle(bundle, file) {
  try {
    // The folder is resolved, the name is not: node_modules/.bin holds links to elsewhere.
    const folder = fs.realpathSync(path.dirname(file));
    const relative = path.relative(fs.realpathSync(bundle), path.join(folder, path.basename(file)));
    return !relative.startsWith('..') && !path.isAbsolute(relative) && !relative.split(path.sep).includes('node_modules');
  } catch {
    return false; // a main script that does not exist is Node's to report
  }
}

/**
 * Moves the protocol to private descriptors and writes the magic, if the host
 * started this process to be a component and that has not been done yet.
 * Returns what process[PIPE] holds then: {input, output, bundle}, or {error}
 * when it could not be done, or undefined when there is no host.
 *
 * Node cannot dup2. But a new descriptor always takes the lowest free number,
 * and opening /proc/self/fd/N opens the same pipe anew (Linux; a socket cannot
 * be opened so). On macOS /dev/fd/N duplicates the descriptor instead, which
 * is as good but for one thing: blocking mode is shared with whoever else has
 * the pipe, so that writes may block there.
 */
function takeOver() {
  const bundle = process.env.POLYBOLT_BUNDLE;
  if (!bundle || process[PIPE] || !require('worker_threads').isMainThread) return process[PIPE];
  const { O_RDONLY, O_WRONLY, O_APPEND, O_NONBLOCK } = fs.constants;
  const folder = process.platform === 'linux' ? '/proc/self/fd/' : '/dev/fd/';
  let pipe;
  try {
    const input = fs.openSync(folder + 0, O_RDONLY | O_NONBLOCK);
    const output = fs.openSync(folder + 1, O_WRONLY | O_NONBLOCK);
    replace(0, '/dev/null', O_RDONLY);
    replace(1, folder + 2, O_WRONLY | O_APPEND);
    fs.writeSync(output, MAGIC);
    pipe = { input, output, bundle, running: false };
    process.once('exit', (code) => {
      if (!pipe.running && code === 0) {
        complain(`polybolt: ${process.argv[1]} has ended without a call of run(). End it with MyBolt.run(), or name.run() for a function.`);
      }
    });
  } catch (error) {
    pipe = { error };
  }
  Object.defineProperty(process, PIPE, { value: pipe });
  // What this process starts is no component.
  delete process.env.POLYBOLT_BUNDLE;
  cleanOptions();
  return pipe;
}

/**
 * Writes a line to stderr, whole, before it returns. The pipe may not block:
 * Node makes it so when anybody touches process.stderr, or starts a Worker.
 */
function complain(line) {
  const bytes = Buffer.from(`${line}\n`);
  const deadline = Date.now() + 2000; // nobody reads
  for (let at = 0; at < bytes.length && Date.now() < deadline;) {
    try {
      at += fs.writeSync(2, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') return; // nobody is there
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function replace(descriptor, file, flags) {
  fs.closeSync(descriptor);
  const got = fs.openSync(file, flags);
  if (got !== descriptor) throw new Error(`${file} opened as descriptor ${got}, not ${descriptor}`);
}

/** Takes our two options out of NODE_OPTIONS and leaves the rest as it was typed. */
function cleanOptions() {
  const text = process.env.NODE_OPTIONS;
  if (text === undefined) return;
  const ours = (word) => {
    const value = word.replace(/^"(.*)"$/s, '$1').replace(/\\(.)/g, '$1');
    return /preload\.js$|register\.mjs$/.test(value) && path.dirname(realFile(value)) === __dirname;
  };
  // A word is a run of quoted and unquoted parts; Node knows double quotes and, inside them, backslashes.
  const kept = [];
  const words = text.match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) ?? [];
  for (let i = 0; i < words.length; i++) {
    const [option, value] = words[i].split(/=(.*)/s);
    if (option !== '--require' && option !== '-r' && option !== '--import') kept.push(words[i]);
    else if (value !== undefined ? !ours(value) : !ours(words[i + 1] ?? '')) kept.push(words[i]);
    else if (value === undefined) i++;
  }
  if (kept.length) process.env.NODE_OPTIONS = kept.join(' ');
  else delete process.env.NODE_OPTIONS;
}

function realFile(file) {
  try {
    return fs.realpathSync(file.startsWith('file:') ? require('url').fileURLToPath(file) : file);
  } catch {
    return ''; // not there: not ours
  }
}

// ---- the resolver

const urlOf = (file) => require('url').pathToFileURL(path.join(__dirname, file)).href;

/**
 * Makes this folder what `polybolt` means. It comes before a copy in the
 * bundle's node_modules, as the host needs the SDK that speaks its protocol;
 * so there is one `Bolt`, however a file asks for it.
 */
function resolver() {
  const resolveFilename = Module._resolveFilename;
  Module._resolveFilename = function (request, ...rest) {
    const known = request.startsWith('polybolt') && Object.hasOwn(EXPORTS, request);
    return known ? path.join(__dirname, EXPORTS[request][0]) : resolveFilename.call(this, request, ...rest);
  };
  if (Module.registerHooks) return importNow(); // Node 22.15: costs next to nothing
  // Before, hooks live in a thread of their own, 40 ms to start: only for a program that imports something.
  const { _compile } = Module.prototype;
  const look = (source) => {
    if (importing || !/\bimport\b\s*[\w({*"']/.test(source)) return;
    Module.prototype._compile = _compile;
    importNow();
  };
  Module.prototype._compile = function (source, file, ...rest) {
    if (!file.includes('/node_modules/') && !file.startsWith(__dirname)) look(source);
    return _compile.call(this, source, file, ...rest);
  };
  look(mainSource());
}

let importing = false;

/** Makes `import 'polybolt'` work from now on. */
function importNow() {
  if (importing) return;
  importing = true;
  if (!Module.registerHooks) {
    const data = {};
    for (const name of Object.keys(EXPORTS)) data[name] = urlOf(EXPORTS[name][1]);
    Module.register(`${urlOf('register.mjs')}?hooks`, { data });
    return;
  }
  Module.registerHooks({
    resolve(specifier, context, next) {
      const known = specifier.startsWith('polybolt') && Object.hasOwn(EXPORTS, specifier);
      if (!known) return next(specifier, context);
      return { url: urlOf(EXPORTS[specifier][context.conditions.includes('require') ? 0 : 1]), shortCircuit: true };
    },
  });
}

function mainSource() {
  try {
    return fs.readFileSync(require.resolve(process.argv[1]), 'latin1');
  } catch {
    return ''; // no main script (-e), or one that Node will complain about itself
  }
}

const INSTALLED = Symbol.for('polybolt.resolver');
if (!process[INSTALLED]) {
  Object.defineProperty(process, INSTALLED, { value: importNow });
  resolver();
}
if (process.env.POLYBOLT_BUNDLE && process.argv[1] && inBundle(process.env.POLYBOLT_BUNDLE, process.argv[1])) takeOver();

module.exports = { takeOver, complain, cleanOptions };
