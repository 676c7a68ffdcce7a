// What happened over time: the ranges that charts can show, and what workers
// remember of them.
import { signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import { get, topologyPath } from './api'
import { count, date, span } from './format'
import { Card, Table } from './parts'
import type { History, Over, Point } from './types'

const ranges = [
  ['live', 'Live'],
  ['10m', '10 min'],
  ['3h', '3 hours'],
  ['1d', '1 day'],
] as const

/** What the charts show: the samples of this page, or what workers remember. */
export const range = signal<(typeof ranges)[number][0]>('live')

/** Seconds that a range looks back; live looks at what was sampled. */
export const seconds: Record<string, number | undefined> = { '10m': 600, '3h': 10_800, '1d': 86_400 }

const every = 10_000 // milliseconds between two looks

/** Remembered is what workers remember of a topology or a component, looked at again and again. */
export function useHistory(name: string, component = ''): History | null {
  const [h, set] = useState<History | null>(null)
  const window = range.value
  useEffect(() => {
    let timer = 0
    let over = false
    const look = async () => {
      try {
        const points = window === 'live' ? '' : `&window=${window}`
        const next = await get<History>(topologyPath(name, `/history?component=${encodeURIComponent(component)}${points}`))
        if (!over) set(next)
      } catch {
        // What is shown stays; the page says itself when nimbus is gone.
      }
      if (!over) timer = setTimeout(() => void look(), every)
    }
    void look()
    return () => {
      over = true
      clearTimeout(timer)
    }
  }, [name, component, window])
  return h
}

export function Ranges() {
  return (
    <div class="ranges" role="group" aria-label="What the charts show">
      {ranges.map(([id, text]) => (
        <button aria-pressed={range.value === id} onClick={() => (range.value = id)}>
          {text}
        </button>
      ))}
    </div>
  )
}

/** Times of points, in seconds: their middles. */
export function middles(points: Point[]): number[] {
  return points.map((p) => Date.parse(p.from) / 1000 + p.seconds / 2)
}

/** Rates of something that points count. */
export function rates(points: Point[], of: (p: Point) => number | undefined): (number | null)[] {
  return points.map((p) => (p.seconds > 1 ? (of(p) ?? 0) / p.seconds : null))
}

// What the causes of failed attempts look like.
const colors: Record<string, string> = { exception: '--bad', fail: '--warn', timeout: '--accent', 'child-death': '--violet', 'cycle-overflow': '--ok', lost: '--idle' }

/** Causes makes a line for each cause that there was any of, always in the same order. */
export function causes(all: Iterable<string>): { name: string; color: string }[] {
  return [...new Set(all)].sort().map((name) => ({ name, color: colors[name] ?? '--muted' }))
}

const names: Record<string, string> = { '10m': '10 minutes', '3h': '3 hours', '1d': '1 day', all: 'all time' }

/** Windows is the table that Storm has: what happened in ten minutes, three hours, a day, and ever. */
export function Windows({ h, kind }: { h: History | null; kind: 'topology' | 'spout' | 'bolt' }) {
  const stage = kind === 'bolt' ? 'user' : 'tree'
  const shown = (o: Over) => o.latency[stage] ?? (kind === 'bolt' ? o.latency.pipe : undefined)
  const number = (name: string, key: string) => ({ name, of: (o: Over) => count(o.counts[key] ?? 0), num: true })
  return (
    <Card title="Over time" aside={<span class="aside">{kind === 'bolt' ? 'latencies of rows in user code' : 'latencies of trees, from emit until done'}</span>}>
      <Table<Over>
        label="Over time" rows={h?.windows ?? []} id={(o) => o.window} empty="Nothing is remembered yet."
        columns={[
          { name: 'Last', of: (o) => names[o.window] ?? o.window },
          { name: 'Since', of: (o) => (o.since ? date(o.since) : '–') },
          ...(kind === 'bolt' ? [number('In', 'received')] : []),
          ...(kind === 'topology' ? [] : [number('Out', 'emitted')]),
          number(kind === 'bolt' ? 'Acked' : 'Trees done', 'acked'),
          number('Failed', 'failed'),
          ...(kind === 'topology' ? [number('Given up', 'dead')] : [number('Errors', 'errors'), number('Restarts', 'restarts')]),
          { name: 'p50', of: (o) => span(shown(o)?.p50), num: true },
          { name: 'p90', of: (o) => span(shown(o)?.p90), num: true },
          { name: 'p99', of: (o) => span(shown(o)?.p99), num: true },
          { name: 'Failed by reason', of: (o) => Object.entries(o.failed).sort((a, b) => b[1] - a[1]).map(([cause, n]) => `${cause} ${count(n)}`).join(', ') || '–' },
        ]}
      />
    </Card>
  )
}
