// Answers that come in pieces: events, and lines. EventSource cannot send
// headers, so both are read from fetch.
import { Failed, request } from './api'

/** Lines calls line with each line of an answer, and returns when it ends. */
export async function lines(path: string, signal: AbortSignal, line: (text: string) => void): Promise<void> {
  const answer = await request(path, { signal })
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    const parts = (rest + value).split('\n')
    rest = parts.pop()!
    for (const part of parts) line(part)
  }
  if (rest) line(rest)
}

export type Link = 'connecting' | 'live' | 'broken'

/**
 * Follow calls on with each event, and state when the connection changes. It
 * connects again for as long as the page wants it. It returns how to end it.
 */
export function follow(path: string, on: (kind: string, data: unknown) => void, state: (s: Link, why: Failed | null) => void): () => void {
  const ended = new AbortController()
  let pause = 500
  const once = async () => {
    let kind = ''
    await lines(path, ended.signal, (text) => {
      if (text.startsWith('event: ')) kind = text.slice(7)
      else if (text.startsWith('data: ')) {
        const data: unknown = JSON.parse(text.slice(6))
        if (kind === 'end') {
          const e = data as { code: string; detail: string }
          throw new Failed(e.code, e.detail)
        }
        pause = 500
        state('live', null)
        on(kind, data)
      }
    })
  }
  void (async () => {
    state('connecting', null)
    while (!ended.signal.aborted) {
      let why: Failed | null = null
      try {
        await once()
      } catch (err) {
        if (ended.signal.aborted) return
        why = err instanceof Failed ? err : new Failed('broken', 'The connection broke.')
        if (why.code === 'unauthorized') return
      }
      state('broken', why)
      await new Promise((r) => setTimeout(r, pause))
      pause = Math.min(pause * 2, 5000)
    }
  })()
  return () => ended.abort()
}
