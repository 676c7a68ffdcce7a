// Builds ../dist, which is committed and embedded in the binary: index.html,
// app.js, app.css and the licences of what is in them. The same sources give
// the same bytes.
import { build } from 'esbuild'
import { gzipSync } from 'node:zlib'
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, '..', 'dist')
const limit = 150 * 1024 // bytes of everything, gzipped

rmSync(dist, { recursive: true, force: true })
mkdirSync(dist, { recursive: true })
const result = await build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.tsx' },
  outdir: dist,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  charset: 'utf8',
  legalComments: 'none', // they are all in LICENSES.txt
  metafile: true,
})
for (const name of ['index.html', 'icon.svg']) copyFileSync(join(here, name), join(dist, name))

// Whatever went into the bundle from elsewhere, with its licence.
const packages = new Set()
for (const input of Object.keys(result.metafile.inputs)) {
  const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)
  if (found) packages.add(found[1])
}
let licences = 'The page contains code of these packages.\n'
for (const name of [...packages].sort()) {
  const dir = join(here, 'node_modules', name)
  const about = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
  const file = readdirSync(dir).find((f) => /^licen[cs]e/i.test(f))
  if (!file) throw new Error(`${name} comes without the text of its licence: add it by hand`)
  licences += `\n${'='.repeat(72)}\n${name} ${about.version} (${about.license})\n\n${readFileSync(join(dir, file), 'utf8').trim()}\n`
}
writeFileSync(join(dist, 'LICENSES.txt'), licences)

let total = 0
for (const name of readdirSync(dist)) {
  const size = gzipSync(readFileSync(join(dist, name)), { level: 9 }).length
  console.log(`${name}: ${size} bytes gzipped`)
  total += size
}
console.log(`all: ${total} of ${limit}`)
if (total > limit) throw new Error('the page is too large')
