// What a plugin of Polybolt needs of go-plugin and gRPC, with nothing but Node:
// a line on stdout, a health check, and one method that takes and returns JSON.
import http2 from 'node:http2'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const services = { scheduler: 'Scheduler/Schedule', authorizer: 'Authorizer/Authorize', sink: 'Sink/Take' }

// What gRPC calls the end of a call. Nimbus kills a plugin for any but these two.
const OK = 0
const UNKNOWN = 2 // the function has thrown: a failure that it tells of
const UNIMPLEMENTED = 12

/** Serve answers each question with f, which may be async, until nimbus kills us. */
export function serve(kind, f) {
  if (process.env.POLYBOLT_PLUGIN !== kind) {
    console.error(`This is a plugin of Polybolt: start it with polybolt nimbus --${kind}`)
    process.exit(2)
  }
  const methods = {
    '/grpc.health.v1.Health/Check': async () => Buffer.from([8, 1]), // in protobuf: field 1, SERVING
    [`/polybolt.${services[kind]}`]: async (question) => Buffer.from(JSON.stringify((await f(JSON.parse(question))) ?? {})),
  }
  const server = http2.createServer()
  server.on('stream', (stream, headers) => {
    const method = methods[headers[':path']]
    stream.on('error', () => {}) // whoever asked is gone
    if (!method) return end(stream, UNIMPLEMENTED, 'no such method')
    const pieces = []
    stream.on('data', (piece) => pieces.push(piece))
    stream.on('end', async () => {
      try {
        reply(stream, await method(Buffer.concat(pieces).subarray(5))) // a message follows a flag and four bytes of length
      } catch (err) {
        end(stream, UNKNOWN, String(err.message ?? err))
      }
    })
  })
  const path = join(process.env.PLUGIN_UNIX_SOCKET_DIR ?? mkdtempSync(join(tmpdir(), 'pb-')), 'plugin')
  server.listen(path, () => process.stdout.write(`1|1|unix|${path}|grpc\n`))
}

function reply(stream, message) {
  if (stream.destroyed) return
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+json' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': OK }))
  stream.end(Buffer.concat([head, message]))
}

function end(stream, status, text) {
  if (stream.destroyed) return
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status, 'grpc-message': encodeURIComponent(text) }, { endStream: true })
}
