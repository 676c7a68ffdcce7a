// What the pages show, kept current by events.
import { batch, computed, effect, signal } from '@preact/signals'
import { get, session, topologyPath, type Failed } from './api'
import { Meter, type Sample, type Sum } from './rates'
import { follow, type Link } from './stream'
import type { Cluster, ComponentErrors, ComponentStatus, Definition, Failure, Figures, Status, Topology } from './types'

/** The address after #, in parts. */
export const route = signal<string[]>(parse())

function parse(): string[] {
  return location.hash.replace(/\?.*$/, '').replace(/^#\/?/, '').split('/').filter(Boolean).map(decoded)
}

/** Decoded is a part of a path; what nobody encoded stays as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

addEventListener('hashchange', () => {
  route.value = parse()
  scrollTo(0, 0)
})

export function link(...parts: string[]): string {
  return '#/' + parts.map(encodeURIComponent).join('/')
}

export const now = signal(Date.now())
setInterval(() => (now.value = Date.now()), 1000)

/** Troubles are what cannot be looked at for the moment, in a stream of events. */
class Troubles {
  text = signal('')
  private by = new Map<string, string>() // subject

  /** On takes an event: trouble with a subject, or, without a text, its end. */
  on(data: unknown) {
    const { subject, text } = data as { subject: string; text: string }
    if (text) this.by.set(subject, text)
    else this.by.delete(subject)
    this.text.value = [...new Set(this.by.values())].join('; ')
  }

  clear() {
    this.by.clear()
    this.text.value = ''
  }
}

export const cluster = signal<Cluster | null>(null)
export const topologies = signal<Topology[] | null>(null)
const clusterTroubles = new Troubles()
export const clusterTrouble = clusterTroubles.text
export const clusterLink = signal<{ state: Link; why: Failed | null }>({ state: 'connecting', why: null })

const history = 900 // samples that a chart can show: 15 minutes

// pasts outlive the pages, for as long as the tab is open: who comes back to a
// topology sees what was sampled before.
const pasts = new Map<string, Sample[]>()

/** Watched is a topology that a page looks at. */
export class Watched {
  status = signal<Status | null>(null)
  /** Errors of the run that is shown, and of others. */
  errors = signal<ComponentErrors[]>([])
  otherErrors = signal<ComponentErrors[]>([])
  definition = signal<Definition | null>(null)
  sample = signal<Sample | null>(null)
  link = signal<{ state: Link; why: Failed | null }>({ state: 'connecting', why: null })
  private troubles = new Troubles()
  trouble = this.troubles.text
  samples: Sample[] // with rates, oldest first; sample tells of each change
  /** When a component last failed, in milliseconds of this clock. */
  failedAt = signal(new Map<string, number>())
  private meter = new Meter()
  private stop: () => void
  private run = -1

  constructor(readonly name: string) {
    this.samples = (pasts.get(name) ?? []).filter((s) => Date.now() - s.time < history * 1000)
    pasts.set(name, this.samples)
    this.stop = follow(
      topologyPath(name, '/events'),
      (kind, data) => batch(() => this.on(kind, data)),
      (state, why) => {
        if (state === 'broken') this.troubles.clear() // the next stream tells what is
        if (this.link.value.state !== state || why) this.link.value = { state, why }
      },
    )
  }

  private on(kind: string, data: unknown) {
    switch (kind) {
      case 'status': {
        const s = data as Status
        const moved = s.run !== this.status.value?.run
        this.status.value = s
        if (s.run !== this.run) void this.define(s.run)
        if (moved) this.failures([...this.errors.value, ...this.otherErrors.value])
        break
      }
      case 'figures': {
        const s = this.meter.add(data as Figures)
        if (s.known) this.samples.push(s)
        while (this.samples.length > 0 && s.time - this.samples[0]!.time > history * 1000) this.samples.shift()
        this.sample.value = s
        break
      }
      case 'errors':
        this.failures((data as ComponentErrors[] | null) ?? [])
        break
      case 'trouble':
        this.troubles.on(data)
        break
    }
  }

  /** Failures notes which components failed since the last look. */
  private failures(all: ComponentErrors[]) {
    const list = all.filter((c) => c.run === this.status.value?.run)
    const at = new Map(this.failedAt.value)
    for (const c of list) {
      const before = this.errors.value.find((x) => x.component === c.component)
      const last = latest(c)
      if (before && before.count < c.count) at.set(c.component, Date.now())
      else if (!before && last) at.set(c.component, Math.max(at.get(c.component) ?? 0, Date.parse(last.time)))
    }
    this.failedAt.value = at
    this.errors.value = list
    this.otherErrors.value = all.filter((c) => !list.includes(c))
  }

  /** Define asks what the topology is made of: again when another run serves. */
  private async define(run: number) {
    this.run = run
    try {
      this.definition.value = await get<Definition>(topologyPath(this.name, '/definition'))
    } catch {
      this.run = -1 // the next status asks again
    }
  }

  close() {
    this.stop()
  }
}

export const watched = signal<Watched | null>(null)

const watchedName = computed(() => (session.value && route.value[0] === 'topologies' ? (route.value[1] ?? '') : ''))

// Who goes to another page for a moment finds the topology as live as before.
const linger = 60_000 // milliseconds
const left = new Map<string, { w: Watched; timer: number }>()

function forget(name: string) {
  const l = left.get(name)
  if (!l) return
  clearTimeout(l.timer)
  left.delete(name)
  l.w.close()
}

effect(() => {
  const name = watchedName.value
  const before = watched.peek()
  if (!session.value) {
    for (const x of [...left.keys()]) forget(x)
    before?.close()
    watched.value = null
    return
  }
  if ((before?.name ?? '') === name) return
  if (before) left.set(before.name, { w: before, timer: setTimeout(() => forget(before.name), linger) })
  const again = left.get(name)
  if (again) {
    clearTimeout(again.timer)
    left.delete(name)
  }
  watched.value = again?.w ?? (name ? new Watched(name) : null)
})

const signedIn = computed(() => session.value !== null)

effect(() => {
  if (!signedIn.value) return
  return follow(
    '/v1/events',
    (kind, data) => {
      if (kind === 'cluster') cluster.value = data as Cluster
      if (kind === 'topologies') topologies.value = data as Topology[]
      if (kind === 'trouble') clusterTroubles.on(data)
    },
    (state, why) => {
      if (state === 'broken') clusterTroubles.clear()
      if (clusterLink.peek().state !== state || why) clusterLink.value = { state, why }
    },
  )
})

// ---- judgements

export type Level = 'ok' | 'warn' | 'bad' | 'idle'

/** Latest is the last error of a component: of the first kind, or of the last. */
function latest(c: ComponentErrors | undefined): Failure | undefined {
  const list = c?.errors ?? []
  return list.reduce<Failure | undefined>((a, b) => (a && Date.parse(a.time) > Date.parse(b.time) ? a : b), undefined)
}

const recent = 60_000 // milliseconds for which an error colours its component

/** Judge says how a component is, and why. */
export function judge(c: ComponentStatus | undefined, sum: Sum | undefined, errors: ComponentErrors | undefined, failedAt: number, at: number): { level: Level; why: string } {
  if (c?.state === 'crash loop') return { level: 'bad', why: c.why || 'crash loop' }
  if (c && c.ready < c.tasks) return { level: c.why ? 'bad' : 'warn', why: c.why || `${c.ready} of ${c.tasks} tasks are ready` }
  const last = latest(errors)
  if (last && at - failedAt < recent) return { level: 'bad', why: `${last.type ?? last.kind}: ${last.message}` }
  if (sum && sum.failedRate > 0) return { level: 'warn', why: 'tuples fail' }
  if (c?.why) return { level: 'warn', why: c.why }
  if (!sum) return { level: 'idle', why: 'no figures yet' }
  return { level: 'ok', why: '' }
}

/** Level says how the state of a topology or a worker is to be shown. */
export function levelOf(state: string): Level {
  switch (state) {
    case 'active':
    case 'ready':
    case 'running':
    case 'alive':
      return 'ok'
    case 'inactive':
    case 'empty':
    case 'ending':
    case 'prepared':
    case 'stopping':
    case 'stopped':
      return 'idle'
    case 'failed':
    case 'crash loop':
    case 'gone':
    case 'backoff':
      return 'bad'
  }
  return 'warn'
}
