// Questions to the API. Each carries the token, and the header that no form of
// another site's page can send.
import { signal } from '@preact/signals'
import type { Me } from './types'

const kept = 'polybolt-token' // in sessionStorage: gone when the tab is closed

export interface Session {
  token: string
  me: Me
}

/** Who uses the page; null until the token was entered. */
export const session = signal<Session | null>(null)

/** Whether the page shows a run by itself, of which a cluster's parts and changes are no part. */
export function isRun(): boolean {
  return session.value?.me.local === true
}

/** What the page was told when it was sent back to the token's form. */
export const refused = signal('')

/** An error that the API answered with, or that kept it from answering. */
export class Failed extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

/** Request sends one, and returns the answer if it is a good one. */
export async function request(path: string, init: RequestInit = {}, token = session.value?.token ?? ''): Promise<Response> {
  let answer: Response
  try {
    answer = await fetch(path, {
      ...init,
      headers: { ...init.headers, 'X-Polybolt': '1', ...(token && { Authorization: `Bearer ${token}` }) }, // else the browser's certificate counts
      cache: 'no-store',
    })
  } catch (err) {
    if (init.signal?.aborted) throw err
    throw new Failed('unreachable', isRun() ? 'It does not answer: the run has ended.' : 'Nimbus does not answer. Is it running?')
  }
  if (answer.ok) return answer
  const body = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string }
  const failed = new Failed(body.code ?? 'internal', body.detail ?? `the server says ${answer.status}`)
  if (failed.code === 'unauthorized' && session.value && token === session.value.token) {
    leave('The token is not valid any more.')
  }
  throw failed
}

export async function get<T>(path: string): Promise<T> {
  return (await (await request(path)).json()) as T
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  const answer = await request(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json' },
  })
  return (await answer.json()) as T
}

/** Enter asks whose token it is, and begins a session. */
export async function enter(token: string): Promise<void> {
  const me = (await (await request('/v1/me', {}, token)).json()) as Me
  sessionStorage.setItem(kept, token)
  refused.value = ''
  session.value = { token, me }
}

/** Brought takes a token out of the address, where `polybolt run --ui` has it, before it can be copied or looked at. */
function brought(): string | null {
  const [route = '', query] = location.hash.split('?')
  const token = new URLSearchParams(query).get('token')
  if (token !== null) history.replaceState(null, '', route || '#')
  return token
}

/** Resume begins a session with the token of the address, or else that which this tab has. */
export async function resume(): Promise<void> {
  const token = brought() ?? sessionStorage.getItem(kept) // empty: a certificate was enough
  if (token === null) return
  try {
    await enter(token)
  } catch (err) {
    if (err instanceof Failed && err.code === 'unauthorized' && sessionStorage.getItem(kept) === token) sessionStorage.removeItem(kept)
    refused.value = (err as Error).message
  }
}

/** Leave ends the session. */
export function leave(why = ''): void {
  sessionStorage.removeItem(kept)
  refused.value = why
  session.value = null
}

export function topologyPath(name: string, rest = ''): string {
  return `/v1/topologies/${encodeURIComponent(name)}${rest}`
}
