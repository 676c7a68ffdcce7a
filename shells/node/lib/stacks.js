'use strict';
// Shows where this process is, also while its code does not return: a thread of
// its own listens at a socket in the scratch directory. To whom connects it
// writes the stack of the main thread, which V8's debugger stops for that moment.
// This file is both: what starts the thread, and what runs in it.
const fs = require('fs');
const path = require('path');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

const NAME = '.stacks'; // of the socket: the host knows it
const LONGEST = 100; // bytes of a socket's path that every system takes
const RUNS_MS = 300; // code that runs is stopped within this time
const ANSWERS_MS = 500; // an event loop that turns answers within this time
const MARK = 'polybolt.stacks';

/**
 * Starts the thread. What cannot be had (a folder whose path is too long for a
 * socket, no thread) is told by a line; the component goes on without.
 * @param {string} dir the scratch directory
 * @param {() => string} progress says what is in progress
 * @param {(why: Error) => void} failed
 */
function watch(dir, progress, failed) {
  try {
    const file = path.join(dir, NAME);
    fs.rmSync(file, { force: true }); // of the process before this one
    // By way of the folder's descriptor a path of any length is short enough.
    const at = process.platform === 'linux' ? `/proc/self/fd/${fs.openSync(dir, fs.constants.O_DIRECTORY)}/${NAME}` : file;
    if (Buffer.byteLength(at) > LONGEST) return;
    const thread = new Worker(__filename, {
      workerData: { [MARK]: at }, env: {}, execArgv: [],
      stdout: true, stderr: true, // not joined to ours, whose descriptors that would make non-blocking
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32, stackSizeMb: 1 },
    });
    thread.on('message', (id) => thread.postMessage([id, progress()]));
    thread.on('error', failed);
    thread.unref();
  } catch (error) {
    failed(error);
  }
}

/** Resolves to what came first: the promise's value, or undefined after so many milliseconds. */
function within(ms, promise) {
  let timer;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, ms); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The main thread's frames, as lines; undefined if no code of the component's or the SDK's runs there now. */
async function frames() {
  const { Session } = require('inspector');
  const session = new Session();
  session.connectToMainThread();
  try {
    const urls = new Map(); // by script: frames do not always say
    session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url));
    const paused = new Promise((resolve) => { session.once('Debugger.paused', ({ params }) => resolve(params.callFrames)); });
    session.post('Debugger.enable');
    session.post('Debugger.pause');
    const found = await within(RUNS_MS, paused);
    const files = found?.map(({ url, location }) => url || (urls.get(location.scriptId) ?? ''));
    if (!files?.some((url) => url !== '' && !url.startsWith('node:'))) return undefined; // Node's own: a timer that looks round
    return found.map((frame, i) => shown(frame, files[i]));
  } finally {
    session.post('Debugger.disable'); // it goes on, or need not stop any more
    session.disconnect();
  }
}

const shown = ({ functionName, location: { lineNumber, columnNumber } }, url) =>
  `    at ${functionName || '<anonymous>'} (${url.startsWith('file://') ? require('url').fileURLToPath(url) : url}:${lineNumber + 1}:${columnNumber + 1})`;

let last = 0;

/** What the main thread says is in progress; undefined if it does not get round to it. */
function progress() {
  const id = ++last;
  const answer = new Promise((resolve) => {
    parentPort.on('message', function take([of, text]) {
      if (of !== id) return;
      parentPort.off('message', take);
      resolve(text);
    });
  });
  parentPort.postMessage(id);
  return within(ANSWERS_MS, answer);
}

async function show() {
  const found = await frames();
  const text = await progress();
  const lines = [];
  if (found !== undefined) lines.push('Main thread:', ...found);
  else if (text !== undefined) lines.push('Main thread: it waits, and no JavaScript runs');
  else lines.push('Main thread: it is in a call that does not return, and is not JavaScript (a synchronous read, execSync, Atomics.wait ...)');
  if (text !== undefined) lines.push(text);
  return lines.join('\n') + '\n';
}

if (!isMainThread && workerData?.[MARK]) {
  let turn = Promise.resolve();
  require('net').createServer((socket) => {
    socket.on('error', () => {}); // who asked is gone
    turn = turn.then(show).then((text) => { socket.end(text); }, (error) => { socket.end(`${error.stack}\n`); });
  }).listen(workerData[MARK]);
}

module.exports = { watch };
