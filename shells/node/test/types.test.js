'use strict';
// The hand-written types, and the code as TypeScript reads it. TypeScript is
// fetched by test/types.sh; without it these tests are skipped.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');

const root = path.join(__dirname, '..');
const tsc = path.join(root, '.cache/ts/node_modules/typescript/bin/tsc');
const skip = !fs.existsSync(tsc) && 'TypeScript is not there: run test/types.sh';

function check(project) {
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
}

test('the code has no type errors (--checkJs)', { skip }, () => check(root));

test('the types are what users need, and refuse what they must', { skip }, (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'polybolt-types-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(root, path.join(folder, 'node_modules/polybolt'));
  fs.copyFileSync(path.join(__dirname, 'types.ts'), path.join(folder, 'types.mts'));
  fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({
    compilerOptions: { strict: true, noEmit: true, target: 'es2022', module: 'nodenext', types: ['node'], typeRoots: [path.join(root, '.cache/ts/node_modules/@types')] },
    files: ['types.mts'],
  }));
  check(folder);
});

test('what the types name is there, and what is there has a type', () => {
  const names = Object.keys(require('../index.js')).sort();
  const typed = fs.readFileSync(path.join(root, 'index.d.ts'), 'utf8');
  for (const name of names) assert.match(typed, new RegExp(`export (class|function|const|interface) ${name}\\b`), name);
  const testing = fs.readFileSync(path.join(root, 'testing.d.ts'), 'utf8');
  for (const name of Object.keys(require('../testing.js'))) assert.match(testing, new RegExp(`export class ${name}\\b`), name);
  const { Tester } = require('../testing.js');
  for (const name of Object.getOwnPropertyNames(Tester.prototype)) if (name !== 'constructor') assert.match(testing, new RegExp(`\\b${name}[(:]`), name);
});
