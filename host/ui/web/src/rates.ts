// Rates from figures that only grow. A worker that was started again, or that
// is new, begins anew: nothing is subtracted from another life's count.
import { spread, Sum as Times, type Spread } from './histogram'
import type { Figures, TaskFigures, WorkerFigures } from './types'

/** Sum is a component's figures over its tasks; rates are a second's. */
export interface Sum {
  received: number
  emitted: number
  acked: number
  failed: number
  errors: number
  restarts: number
  queued: number
  inChild: number
  held: number
  pending: number
  cpu: number // nanoseconds of its processes
  rss: number // bytes
  latency: Record<string, Spread | undefined> // by stage, lately
  failedBy: Map<string, number> // attempts a second that failed there, by cause
  row: number // nanoseconds for a row in user code, the mean of the tasks that know
  rows: number // tasks that know
  cpuRate: number // cores
  receivedRate: number
  emittedRate: number
  ackedRate: number
  failedRate: number
}

export interface TaskRow extends TaskFigures {
  place: string
  cpuRate: number // cores
  latency: Record<string, Spread | undefined> // by stage, lately
  receivedRate: number
  emittedRate: number
  ackedRate: number
  failedRate: number
}

/** Sample is all that a page shows of one moment. */
export interface Sample {
  time: number // milliseconds
  components: Map<string, Sum>
  tasks: TaskRow[]
  total: { acked: number; failed: number; dead: number; pending: number; ackedRate: number; failedRate: number; tree?: Spread; failedBy: Map<string, number> }
  byCause: [string, number][]
  silent: string[]
  known: boolean // whether there are rates: not at the first look, which has nothing to compare with
}

const window = 3000 // milliseconds that a rate looks back

function zero(): Sum {
  return {
    received: 0, emitted: 0, acked: 0, failed: 0, errors: 0, restarts: 0, queued: 0, inChild: 0, held: 0, pending: 0,
    cpu: 0, rss: 0, latency: {}, failedBy: new Map(), row: 0, rows: 0, cpuRate: 0, receivedRate: 0, emittedRate: 0, ackedRate: 0, failedRate: 0,
  }
}

/** Meter turns figures into samples. */
export class Meter {
  private past = new Map<string, WorkerFigures[]>() // by life of a worker, oldest first

  add(f: Figures): Sample {
    const s: Sample = {
      time: Date.now(), components: new Map(), tasks: [],
      total: { acked: 0, failed: 0, dead: 0, pending: 0, ackedRate: 0, failedRate: 0, failedBy: new Map() },
      byCause: [], silent: f.silent ?? [], known: f.workers.length === 0,
    }
    const causes = new Map<string, number>()
    const times = new Map<string, Record<string, Times>>() // by component
    const lives = new Map<string, WorkerFigures[]>()
    for (const w of f.workers) {
      const life = `${w.place} ${w.started}`
      const past = this.past.get(life) ?? []
      const now = Date.parse(w.time)
      const recent = past.filter((p) => now - Date.parse(p.time) <= window + 500)
      if (recent[0] && recent[0].time !== w.time) s.known = true
      this.worker(s, w, recent[0], times)
      for (const [cause, n] of Object.entries(w.by_cause ?? {})) causes.set(cause, (causes.get(cause) ?? 0) + n)
      if (recent.at(-1)?.time !== w.time) recent.push(w)
      lives.set(life, recent)
    }
    for (const [id, byStage] of times) {
      if (id === '') continue // of all spouts
      const c = s.components.get(id)!
      for (const [stage, sum] of Object.entries(byStage)) c.latency[stage] = spread(sum)
    }
    s.total.tree = spread(times.get('')?.tree)
    this.past = lives
    s.tasks.sort((a, b) => a.task - b.task)
    s.byCause = [...causes].sort((a, b) => b[1] - a[1])
    return s
  }

  private worker(s: Sample, w: WorkerFigures, before: WorkerFigures | undefined, times: Map<string, Record<string, Times>>) {
    const seconds = before ? (Date.parse(w.time) - Date.parse(before.time)) / 1000 : 0
    const per = (now: number, then: number | undefined) => (seconds > 0 && then !== undefined ? Math.max(0, now - then) / seconds : 0)
    s.total.acked += w.acked
    s.total.failed += w.failed
    s.total.dead += w.dead
    s.total.ackedRate += per(w.acked, before?.acked)
    s.total.failedRate += per(w.failed, before?.failed)
    for (const f of w.failed_at ?? []) {
      const b = before?.failed_at?.find((x) => x.component === f.component && x.task === f.task && x.cause === f.cause)
      const rate = before ? per(f.n, b?.n ?? 0) : 0
      s.total.failedBy.set(f.cause, (s.total.failedBy.get(f.cause) ?? 0) + rate)
      const c = part(s, f.component)
      c.failedBy.set(f.cause, (c.failedBy.get(f.cause) ?? 0) + rate)
    }
    const then = new Map((before?.tasks ?? []).map((t) => [t.task, t]))
    for (const t of w.tasks ?? []) {
      const b = then.get(t.task)
      const row: TaskRow = {
        ...t, place: w.place, latency: {}, cpuRate: per(t.cpu, b?.cpu) / 1e9,
        receivedRate: per(t.received, b?.received), emittedRate: per(t.emitted, b?.emitted),
        ackedRate: per(t.acked, b?.acked), failedRate: per(t.failed, b?.failed),
      }
      s.tasks.push(row)
      if (before) {
        for (const [stage, h] of Object.entries(t.times ?? {})) {
          const own = new Times()
          own.add(h, b?.times?.[stage])
          row.latency[stage] = spread(own)
          for (const id of stage === 'tree' ? [t.component, ''] : [t.component]) {
            let sums = times.get(id)
            if (!sums) times.set(id, (sums = {}))
            ;(sums[stage] ??= new Times()).add(h, b?.times?.[stage])
          }
        }
      }
      add(part(s, t.component), row)
      if (t.spout) s.total.pending += t.pending
    }
  }
}

/** Told is the time that is told first: of trees, else in user code, else in the process. */
export function told(l: Record<string, Spread | undefined>): Spread | undefined {
  return l.tree ?? l.user ?? l.pipe
}

/** Part is what there is of a component so far. */
function part(s: Sample, component: string): Sum {
  let c = s.components.get(component)
  if (!c) s.components.set(component, (c = zero()))
  return c
}

function add(c: Sum, t: TaskRow) {
  c.received += t.received
  c.emitted += t.emitted
  c.acked += t.acked
  c.failed += t.failed
  c.errors += t.errors
  c.restarts += t.restarts
  c.queued += t.queued
  c.inChild += t.in_child
  c.held += t.held
  c.pending += t.pending
  c.cpu += t.cpu
  c.rss += t.rss
  c.cpuRate += t.cpuRate
  if (t.row) c.row = (c.row * c.rows + t.row) / ++c.rows
  c.receivedRate += t.receivedRate
  c.emittedRate += t.emittedRate
  c.ackedRate += t.ackedRate
  c.failedRate += t.failedRate
}
