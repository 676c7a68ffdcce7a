// One component: its tasks, rates and errors.
import { Chart } from './chart'
import { Failures } from './failures'
import { bytes, cores, count, date, plural, rate, short, span } from './format'
import { stages, type Stage } from './histogram'
import { causes, middles, Ranges, range, rates, seconds, useHistory, Windows } from './history'
import { Badge, Card, Notice, Table, Tile } from './parts'
import type { TaskRow } from './rates'
import { levelOf, link, type Watched } from './store'
import { judged } from './topology'
import type { History, Status } from './types'

export function Component({ w, s, id }: { w: Watched; s: Status; id: string }) {
  const h = useHistory(s.name, id)
  const p = judged(w, s).find((x) => x.c.component === id)
  const sample = w.sample.value
  const def = w.definition.value?.components.find((c) => c.id === id)
  if (!p) return <Notice level="warn">There is no component {id} in what runs now.</Notice>
  const spout = p.c.kind === 'spout'
  const sum = p.sum
  const per = (n: number | undefined) => (sample?.known ? rate(n ?? 0) : '–')
  const edges = w.definition.value?.edges ?? []
  return (
    <>
      <div class="head">
        <div>
          <h1>
            {id} <Badge level={p.level}>{p.level === 'bad' && p.c.state === 'ready' ? 'failing' : p.c.state}</Badge>
          </h1>
          <p class="sub">
            {p.c.kind} of <a href={link('topologies', s.name)}>{s.name}</a> · {plural(p.c.tasks, 'task')}
            {def && (
              <>
                {' '}
                · <code>{def.command.join(' ')}</code>
              </>
            )}
          </p>
        </div>
        <div class="actions">
          {(def?.streams.length ?? 0) > 0 && (
            <a class="button" href={link('topologies', s.name, 'tap', id)}>
              Its tuples
            </a>
          )}
          <a class="button" href={link('topologies', s.name, 'logs', id)}>
            Its log
          </a>
        </div>
      </div>
      {p.why && (
        <Notice level={p.level} live>
          {p.why}
        </Notice>
      )}
      <dl class="tiles">
        {!spout && <Tile name="Rows in" value={per(sum?.receivedRate)} note={`${count(sum?.received ?? 0)} in all`} />}
        <Tile name="Rows out" value={per(sum?.emittedRate)} note={`${count(sum?.emitted ?? 0)} in all`} />
        <Tile name={spout ? 'Trees done' : 'Acked'} value={per(sum?.ackedRate)} note={`${count(sum?.acked ?? 0)} in all`} />
        <Tile name="Failed" value={per(sum?.failedRate)} note={`${count(sum?.failed ?? 0)} in all`} level={sum && sum.failedRate > 0 ? 'warn' : undefined} />
        {spout ? (
          <Tile name="Tree takes" value={span(sum?.latency.tree?.p50)} note={`p99 ${span(sum?.latency.tree?.p99)}`} />
        ) : (
          <Tile name="A row takes" value={span(sum?.row)} note={`${short(sum?.queued ?? 0)} wait, ${short(sum?.inChild ?? 0)} in the child`} />
        )}
        <Tile name="Restarts" value={count(sum?.restarts ?? 0)} level={sum && sum.restarts > 0 ? 'warn' : undefined} note={`${count(p.errors?.count ?? 0)} errors`} />
      </dl>
      {p.errors && p.errors.count > 0 && (
        <Card title="Errors" aside={<span class="aside">{plural(p.errors.count, 'error')}</span>}>
          <Failures of={p.errors} open />
        </Card>
      )}
      <Ranges />
      <Charts w={w} id={id} spout={spout} h={h} />
      <Windows h={h} kind={spout ? 'spout' : 'bolt'} />
      <Card title="Tasks">
        <Tasks rows={(sample?.tasks ?? []).filter((t) => t.component === id)} spout={spout} began={new Map(h?.tasks?.map((t) => [t.task, t.began]))} />
      </Card>
      <Metrics rows={(sample?.tasks ?? []).filter((t) => t.component === id)} />
      <Card title="Streams">
        <Table
          label="Streams" id={(e) => `${e.from} ${e.stream} ${e.to}`} empty="It is joined to nothing."
          rows={edges.filter((e) => e.from === id || e.to === id)}
          columns={[
            { name: 'From', of: (e) => <a href={link('topologies', s.name, 'components', e.from)}>{e.from}</a>, key: (e) => e.from },
            { name: 'Stream', of: (e) => e.stream, key: (e) => e.stream },
            { name: 'Fields', of: (e) => w.definition.value?.components.find((c) => c.id === e.from)?.streams.find((x) => x.id === e.stream)?.fields.join(', ') },
            { name: 'To', of: (e) => <a href={link('topologies', s.name, 'components', e.to)}>{e.to}</a>, key: (e) => e.to },
            { name: 'Grouping', of: (e) => e.grouping + (e.fields?.length ? ` (${e.fields.join(', ')})` : '') },
          ]}
        />
      </Card>
    </>
  )
}

const stageColors: Record<Stage, string> = { queue: '--warn', encode: '--idle', pipe: '--accent', user: '--ok', tree: '--accent' }

function Charts({ w, id, spout, h }: { w: Watched; id: string; spout: boolean; h: History | null }) {
  w.sample.value // of which samples is the past
  const window = seconds[range.value]
  const coarse = window !== undefined
  const points = h?.points ?? []
  const times = coarse ? middles(points) : w.samples.map((s) => s.time / 1000)
  const of = (live: 'receivedRate' | 'emittedRate' | 'failedRate', kept: string) => (coarse ? rates(points, (p) => p.counts[kept]) : w.samples.map((s) => s.components.get(id)?.[live] ?? null))
  const took = (stage: Stage, q: 'p50' | 'p90' | 'p99') => (coarse ? points.map((p) => p.latency[stage]?.[q] ?? null) : w.samples.map((s) => s.components.get(id)?.latency[stage]?.[q] ?? null))
  const failed = causes(coarse ? points.flatMap((p) => Object.keys(p.failed)) : w.samples.flatMap((s) => [...(s.components.get(id)?.failedBy.keys() ?? [])]))
  const time = (n: number) => (n ? span(n) : '0')
  const quantiles = (stage: Stage) => [
    { name: 'p50', color: '--accent', values: took(stage, 'p50') },
    { name: 'p90', color: '--ok', values: took(stage, 'p90') },
    { name: 'p99', color: '--warn', values: took(stage, 'p99') },
  ]
  return (
    <div class="charts">
      <Chart
        title="Rows a second" times={times} write={short} window={window}
        lines={[
          ...(spout ? [] : [{ name: 'in', color: '--accent', values: of('receivedRate', 'received') }]),
          { name: 'out', color: '--ok', values: of('emittedRate', 'emitted') },
          { name: 'failed', color: '--bad', values: of('failedRate', 'failed') },
        ]}
      />
      {spout ? (
        <Chart title="From emit until done" times={times} write={time} window={window} lines={quantiles('tree')} />
      ) : (
        <>
          <Chart title="A row in user code" times={times} write={time} window={window} lines={quantiles('user')} />
          <Chart
            title="A row's time, p99" times={times} write={time} window={window}
            lines={stages.filter((s) => s !== 'tree').map((s) => ({ name: s, color: stageColors[s], values: took(s, 'p99') }))}
          />
        </>
      )}
      {failed.length > 0 && (
        <Chart
          title="Failed here a second" times={times} write={short} window={window}
          lines={failed.map((c) => ({ ...c, values: coarse ? rates(points, (p) => p.failed[c.name]) : w.samples.map((s) => s.components.get(id)?.failedBy.get(c.name) ?? 0) }))}
        />
      )}
    </div>
  )
}

function Tasks({ rows, spout, began }: { rows: TaskRow[]; spout: boolean; began: Map<number, string> }) {
  return (
    <Table<TaskRow>
      label="Tasks" rows={rows} id={(t) => String(t.task)} empty="No figures yet."
      columns={[
        { name: 'Task', of: (t) => t.task, num: true, key: (t) => t.task },
        {
          name: 'State', key: (t) => t.state,
          of: (t) => (
            <>
              <Badge level={levelOf(t.state)}>{t.state}</Badge>
              {t.why && <div class="why">{t.why}</div>}
            </>
          ),
        },
        { name: 'Worker', of: (t) => <code>{shortPlace(t.place)}</code>, key: (t) => t.place },
        { name: 'PID', of: (t) => t.pid || '–', num: true },
        ...(spout ? [] : [{ name: 'In', of: (t: TaskRow) => rate(t.receivedRate), num: true, key: (t: TaskRow) => t.receivedRate }]),
        { name: 'Out', of: (t) => rate(t.emittedRate), num: true, key: (t) => t.emittedRate },
        { name: 'Acked', of: (t) => count(t.acked), num: true, key: (t) => t.acked },
        { name: 'Failed', of: (t) => count(t.failed), num: true, key: (t) => t.failed },
        { name: 'Waiting', of: (t) => short(t.queued), num: true, key: (t) => t.queued },
        { name: 'In child', of: (t) => short(t.in_child), num: true, key: (t) => t.in_child },
        { name: 'Held', of: (t) => short(t.held), num: true, key: (t) => t.held },
        ...(spout
          ? [
              { name: 'In flight', of: (t: TaskRow) => short(t.pending), num: true, key: (t: TaskRow) => t.pending },
              { name: 'p50', of: (t: TaskRow) => span(t.latency.tree?.p50), num: true, key: (t: TaskRow) => t.latency.tree?.p50 ?? 0 },
              { name: 'p99', of: (t: TaskRow) => span(t.latency.tree?.p99), num: true, key: (t: TaskRow) => t.latency.tree?.p99 ?? 0 },
            ]
          : [{ name: 'A row takes', of: (t: TaskRow) => span(t.row), num: true, key: (t: TaskRow) => t.row ?? 0 }]),
        { name: 'Credit', of: (t) => short(t.credit), num: true, key: (t) => t.credit },
        { name: 'Cores', of: (t) => cores(t.cpuRate), num: true, key: (t) => t.cpuRate },
        { name: 'Memory', of: (t) => (t.rss ? bytes(t.rss) : '–'), num: true, key: (t) => t.rss },
        { name: 'Restarts', of: (t) => count(t.restarts), num: true, key: (t) => t.restarts },
        { name: 'Counted since', of: (t) => (began.has(t.task) ? date(began.get(t.task)!) : '–'), key: (t) => began.get(t.task) ?? '' },
      ]}
    />
  )
}

/** Metrics are what user code counts, over all tasks: sums of counters, means of the rest. */
function Metrics({ rows }: { rows: TaskRow[] }) {
  const sums = new Map<string, { name: string; kind: string; value: number; count: number; tasks: number }>()
  for (const t of rows) {
    for (const m of t.metrics ?? []) {
      const s = sums.get(m.name) ?? { name: m.name, kind: m.kind, value: 0, count: 0, tasks: 0 }
      s.value += m.value
      s.count += m.count
      s.tasks++
      sums.set(m.name, s)
    }
  }
  if (sums.size === 0) return null
  const per = { counter: () => 1, gauge: (s: { tasks: number }) => s.tasks, histogram: (s: { count: number }) => s.count } as Record<string, (s: { tasks: number; count: number }) => number>
  const value = (s: { kind: string; value: number; tasks: number; count: number }) => s.value / Math.max(per[s.kind]?.(s) ?? 1, 1)
  return (
    <Card title="Its own metrics">
      <Table
        label="Its own metrics" rows={[...sums.values()].sort((a, b) => a.name.localeCompare(b.name))} id={(m) => m.name} empty=""
        columns={[
          { name: 'Name', of: (m) => <code>{m.name}</code>, key: (m) => m.name },
          { name: 'Kind', of: (m) => m.kind, key: (m) => m.kind },
          { name: 'Sum, or mean', of: (m) => Number(value(m).toPrecision(6)).toLocaleString('en'), num: true, key: value },
          { name: 'Readings', of: (m) => count(m.count), num: true, key: (m) => m.count },
        ]}
      />
    </Card>
  )
}

/** A supervisor's id is long; its beginning tells machines apart. */
export function shortPlace(place: string): string {
  return place.replace(/^([^:/]{8})[^:/]+/, '$1…')
}
