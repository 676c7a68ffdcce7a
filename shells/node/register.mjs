// The resolver for `import 'polybolt'`, where it is not installed. In a component
// preload.js sees to it. A process that a component starts asks for it:
//
//   fork('helper.mjs', { execArgv: ['--import', import.meta.resolve('polybolt/register')] })
//
// Before Node 22.15 this is also the module of hooks, loaded once more in a
// thread of Node's (with ?hooks), which preload.js tells what to resolve.
import { createRequire } from 'node:module';

if (!import.meta.url.endsWith('?hooks') && !process[Symbol.for('polybolt.resolver')]) {
  createRequire(import.meta.url)('./preload.js');
  process[Symbol.for('polybolt.resolver')]();
}

let known = {}; // name → URL

export function initialize(data) {
  known = data;
}

export async function resolve(specifier, context, next) {
  return Object.hasOwn(known, specifier) ? { url: known[specifier], shortCircuit: true } : next(specifier, context);
}
