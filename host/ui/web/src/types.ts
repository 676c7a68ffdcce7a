// What the API sends: mirrors host/api. Durations are nanoseconds, times RFC 3339.

import type { Histogram } from './histogram'

export interface Topology {
  name: string
  state: string
  why?: string
  version: number
  run: number
  workers: number
  wanted: number
  tasks: number
  deployed: string
}

export interface ComponentStatus {
  component: string
  kind: string
  tasks: number
  ready: number
  state: string
  why?: string
}

export interface Change {
  id: string
  kind: string
  step: string
  run: number
  started: string
  why?: string
  waiting?: string[]
  components?: ComponentStatus[]
}

export interface Outcome {
  id: string
  kind: string
  ok: boolean
  why?: string
  run: number
  ended: string
  took: number
  gap: number
}

export interface WorkerStatus {
  place: string
  host: string
  supervisor: string
  slot: number
  run: number
  pid: number
  started?: string
  tasks: number
  state: string
  why?: string
}

export interface Version {
  number: number
  bundle: string
  size: number
  deployed: string
}

export interface Status extends Topology {
  change?: Change
  last?: Outcome
  components: ComponentStatus[] | null
  worker_list: WorkerStatus[] | null
  versions: Version[] | null
  log_levels?: { component?: string; level: string; until?: string }[]
}

export interface Nimbus {
  url: string
  host: string
  version: string
  pid: number
  leads: boolean
  started: string
}

export interface Supervisor {
  id: string
  host: string
  address: string
  version: string
  pid: number
  slots: number
  used: number
  started: string
}

export interface LogServer {
  supervisor: string
  host: string
  address: string
  version: string
  pid: number
  started: string
}

export interface Cluster {
  log_servers: LogServer[] | null
  zookeeper: string[] | null
  session: { server?: string; since?: string; why?: string }
  leader: string
  nimbuses: Nimbus[]
  supervisors: Supervisor[]
  now: string
  bundles: number
  bundle_bytes: number
}

export interface TaskFigures {
  component: string
  spout?: boolean
  task: number
  index: number
  state: string
  why?: string
  pid: number
  received: number
  emitted: number
  acked: number
  failed: number
  errors: number
  restarts: number
  queued: number
  in_child: number
  held: number
  pending: number
  credit: number
  cpu: number
  rss: number
  p50?: number
  p90?: number
  p99?: number
  times?: Record<string, Histogram>
  row?: number
  metrics?: Metric[]
}

export interface Metric {
  name: string
  kind: string
  value: number
  count: number
}

export interface WorkerFigures {
  place: string
  time: string
  started: string
  acked: number
  failed: number
  dead: number
  failed_back: number
  by_cause?: Record<string, number>
  failed_at?: { component: string; task: number; cause: string; n: number }[]
  tasks: TaskFigures[] | null
}

export interface Latency {
  count: number
  mean: number
  p50: number
  p90: number
  p99: number
}

export interface Sums {
  counts: Record<string, number>
  failed: Record<string, number>
  latency: Record<string, Latency>
}

export interface Over extends Sums {
  window: string
  since?: string
}

export interface Point extends Sums {
  from: string
  seconds: number
}

export interface History {
  now: string
  windows: Over[]
  points: Point[]
  tasks?: { component: string; task: number; place: string; began: string; windows: Over[] }[]
  silent?: string[]
}

export interface Figures {
  workers: WorkerFigures[]
  silent?: string[]
}

export interface Occurrence {
  time: string
  task: number
  host: string
  message: string
  traceback?: string
  from?: string
  tuple?: string
  attempt?: number
  worker?: string
}

/** Failure is errors that are alike; what it says of one is of the last. */
export interface Failure extends Occurrence {
  component: string
  kind: string
  type?: string
  place?: string
  count: number
  version?: number
  first?: Occurrence
}

export interface ComponentErrors {
  component: string
  run: number
  version: number
  was: 'serving' | 'coming up' | 'given up' | 'replaced'
  count: number
  errors: Failure[] | null
}

export interface Definition {
  name: string
  version: number
  run: number
  workers: number
  yaml: string
  components: { id: string; kind: string; command: string[]; parallelism: number; streams: { id: string; fields: string[] }[] }[]
  edges: { from: string; to: string; stream: string; grouping: string; fields?: string[] }[]
}

export interface LogLine {
  time?: string
  host?: string
  place?: string
  run?: number
  component?: string
  task?: number
  pid?: number
  level?: string
  logger?: string
  text: string
  id?: string
  more?: Record<string, unknown>
}

export interface DeadTuple {
  host: string
  place: string
  tuple: Record<string, unknown>
}

export interface TapTuple {
  time: string
  place: string
  component: string
  task: number
  stream: string
  values: Record<string, unknown>
}

export interface TapCounts {
  passed: number
  looked: number
  matched: number
  dropped: number
}

export interface TapEvent {
  tuple?: TapTuple
  counts?: TapCounts
  lost?: string
}

export interface Accepted {
  id: string
  text: string
}

export interface Me {
  name?: string // of a certificate
  role: 'viewer' | 'operator' | 'admin'
  version: string
  local?: boolean // this is `polybolt run --ui`: one topology, and no cluster
}
