// A tap as the page reads it: tuples as they pass, the last of which are kept,
// and what was counted. It loses tuples rather than to slow a topology down.
import { signal } from '@preact/signals'
import { topologyPath } from './api'
import { lines } from './stream'
import type { Definition, TapCounts, TapEvent, TapTuple } from './types'

const most = 200 // tuples kept
const often = 250 // milliseconds between two changes of what is shown
const maxLost = 20 // messages

export interface Query {
  edge: string
  where: string
  sample: number // percent
  fields: string[] // none: all
}

export interface Row extends TapTuple {
  number: number // in the order in which they came
}

/** Tap reads one from its making until stop. It is changed in place: turn tells. */
export class Tap {
  rows: Row[] = [] // newest first
  shown = 0 // tuples that came
  counts: (TapCounts & { shown: number }) | null = null // of one moment
  lost: string[] = []
  readonly turn = signal(0)
  readonly state = signal<'live' | 'paused' | 'ended'>('live')
  readonly failed = signal('')
  private waiting: Row[] = [] // newest last
  private changed = false
  private readonly over = new AbortController()
  private readonly timer: number

  constructor(name: string, readonly query: Query) {
    this.timer = setInterval(() => this.flush(), often)
    void this.read(name)
  }

  private async read(name: string) {
    const q = new URLSearchParams({ edge: this.query.edge })
    if (this.query.where.trim()) q.set('where', this.query.where)
    if (this.query.sample !== 100) q.set('sample', String(this.query.sample / 100))
    for (const f of this.query.fields) q.append('field', f)
    try {
      await lines(topologyPath(name, `/tap?${q}`), this.over.signal, (text) => text && this.take(JSON.parse(text) as TapEvent))
    } catch (err) {
      if (!this.over.signal.aborted) this.failed.value = err instanceof TypeError ? 'The connection broke.' : (err as Error).message
    }
    this.stop()
  }

  private take(e: TapEvent) {
    this.changed = true
    if (e.tuple) {
      this.waiting.push({ ...e.tuple, number: ++this.shown })
      if (this.waiting.length > most) this.waiting.shift()
    }
    if (e.counts) this.counts = { ...e.counts, shown: this.shown }
    if (e.lost && this.lost.length < maxLost) this.lost.push(e.lost)
  }

  private flush() {
    if (!this.changed) return
    this.changed = false
    if (this.state.value !== 'paused') {
      this.rows = [...this.waiting.reverse(), ...this.rows].slice(0, most)
      this.waiting = []
    }
    this.turn.value++
  }

  /** Pause keeps what is shown as it is, or goes on. */
  pause(on: boolean) {
    if (this.state.value === 'ended') return
    this.state.value = on ? 'paused' : 'live'
    this.changed = true
    this.flush()
  }

  /** Stop ends it; what was seen stays. */
  stop() {
    this.over.abort()
    clearInterval(this.timer)
    this.state.value = 'ended'
    this.changed = true
    this.flush()
  }
}

/** Edges are what can be tapped: from one component to another, and all that one emits. */
export function edges(d: Definition): { between: [string, string][]; all: [string, string][] } {
  const between = new Map<string, string>()
  for (const e of d.edges) {
    between.set(`${e.from}->${e.to}`, `${e.from} → ${e.to}`)
    const streams = new Set(d.edges.filter((o) => o.from === e.from && o.to === e.to).map((o) => o.stream))
    if (streams.size > 1) between.set(`${e.from}:${e.stream}->${e.to}`, `${e.from} → ${e.to}, stream ${e.stream}`)
  }
  const all: [string, string][] = []
  for (const c of d.components) {
    if (c.streams.length > 0) all.push([c.id, `whatever ${c.id} emits`])
    if (c.streams.length > 1) for (const s of c.streams) all.push([`${c.id}:${s.id}`, `${c.id}, stream ${s.id}`])
  }
  return { between: [...between], all }
}

/** Streams are those that an edge has tuples of, with their fields. */
export function streams(d: Definition, edge: string): { id: string; fields: string[] }[] {
  const [source = '', to] = edge.split('->')
  const [from, stream] = source.split(':')
  const all = d.components.find((c) => c.id === from)?.streams ?? []
  return all.filter((s) => (!stream || s.id === stream) && (!to || d.edges.some((e) => e.from === from && e.to === to && e.stream === s.id)))
}
