// One topology: how it is, as a diagram, in figures, and all that belongs to it.
import { useEffect, useRef, useState } from 'preact/hooks'
import { Actions, Dialogs, said } from './actions'
import { Chart } from './chart'
import { Component } from './component'
import { Dead } from './dead'
import { Diagram, type NodeView } from './diagram'
import { Errors } from './failures'
import { bytes, cores, count, date, plural, rate, short, since, span } from './format'
import { isRun } from './api'
import { causes, middles, Ranges, range, rates, seconds, useHistory, Windows } from './history'
import { Logs } from './logs'
import { Badge, Card, Notice, Table, Tile } from './parts'
import { judge, levelOf, link, now, route, type Watched } from './store'
import { told, type Sample } from './rates'
import { Tapping } from './tapping'
import type { ComponentStatus, History, Point, Status } from './types'

const tabs = [
  ['', 'Overview'],
  ['errors', 'Errors'],
  ['dead', 'Dead tuples'],
  ['logs', 'Logs'],
  ['tap', 'Tap'],
  ['workers', 'Workers'],
  ['versions', 'Versions'],
  ['yaml', 'YAML'],
] as const

export function TopologyPage({ w }: { w: Watched }) {
  const s = w.status.value
  const l = w.link.value
  if (!s) {
    return (
      <>
        <h1>{w.name}</h1>
        {l.why ? <Notice level="bad" live>{l.why.message}</Notice> : <p class="empty">Asking…</p>}
      </>
    )
  }
  const tab = route.value[2] ?? ''
  const errors = w.errors.value.reduce((n, c) => n + c.count, 0)
  const component = tab === 'components' ? route.value[3] : undefined
  return (
    <>
      <nav class="crumbs" aria-label="Where you are">
        <a href={link('topologies')}>{isRun() ? 'Run' : 'Topologies'}</a> /{' '}
        {component ? (
          <>
            <a href={link('topologies', s.name)}>{s.name}</a> / {component}
          </>
        ) : (
          s.name
        )}
      </nav>
      {component ? <Component w={w} s={s} id={component} /> : <Head w={w} s={s} />}
      {!component && (
        <>
          <Tabs name={s.name} tab={tab} errors={errors} />
          {tab === '' && <Overview w={w} s={s} />}
          {tab === 'errors' && <Errors w={w} />}
          {tab === 'dead' && <Dead name={s.name} />}
          {tab === 'logs' && <Logs name={s.name} components={(w.definition.value?.components ?? []).map((c) => c.id)} />}
          {tab === 'tap' && <Tapping w={w} />}
          {tab === 'workers' && <Workers s={s} />}
          {tab === 'versions' && <Versions s={s} />}
          {tab === 'yaml' && <Source w={w} />}
        </>
      )}
      <Dialogs status={s} definition={w.definition.value} />
    </>
  )
}

function Tabs({ name, tab, errors }: { name: string; tab: string; errors: number }) {
  const nav = useRef<HTMLElement>(null)
  useEffect(() => nav.current?.querySelector('[aria-current]')?.scrollIntoView({ inline: 'nearest', block: 'nearest' }), [tab])
  return (
    <nav class="tabs" aria-label="Parts of this topology" ref={nav}>
      {tabs.filter(([id]) => id !== 'versions' || !isRun()).map(([id, text]) => (
        <a href={link('topologies', name, ...(id ? [id] : []))} aria-current={tab === id ? 'page' : undefined}>
          {text}
          {id === 'errors' && errors > 0 && <span class="bubble">{short(errors)}</span>}
        </a>
      ))}
    </nav>
  )
}

function Head({ w, s }: { w: Watched; s: Status }) {
  const l = w.link.value
  const d = s.change
  return (
    <>
      <div class="head">
        <div>
          <h1>
            {s.name} <Badge level={levelOf(s.state)}>{s.state}</Badge>
          </h1>
          <p class="sub">
            {isRun() ? `run on this machine, started ${since(s.deployed, now.value)} ago` : s.version > 0 ? `version ${s.version}, run ${s.run}, deployed ${since(s.deployed, now.value)} ago` : 'no version serves yet'} · {plural(s.workers, 'worker')} · {plural(s.tasks, 'task')}
          </p>
        </div>
        <Actions status={s} />
      </div>
      {l.state === 'broken' && (
        <Notice level="warn" live>
          What you see is not current: {l.why?.message ?? 'the connection broke'} Trying again…
        </Notice>
      )}
      {s.why && !d && (
        <Notice level={levelOf(s.state) === 'bad' ? 'bad' : 'warn'} live>
          {s.why}
        </Notice>
      )}
      {d && (
        <Notice level="warn" live>
          <b>
            {d.kind} {d.id}
          </b>{' '}
          is at <b>{d.step}</b>, for {since(d.started, now.value)}
          {d.why && `: it is undone because ${d.why}`}
          {d.waiting && d.waiting.length > 0 && <div class="why">waits for {d.waiting.join('; ')}</div>}
        </Notice>
      )}
      {said.value?.name === s.name && (
        <Notice level={said.value.ok ? 'ok' : 'bad'} live>
          {said.value.text}{' '}
          <button class="plain" onClick={() => (said.value = null)}>
            Dismiss
          </button>
        </Notice>
      )}
      {!d && s.last && !s.last.ok && (
        <Notice level="warn">
          The last {s.last.kind} did not succeed, {since(s.last.ended, now.value)} ago: {s.last.why}
        </Notice>
      )}
      {(s.log_levels ?? []).map((l) => (
        <Notice level="idle">
          {l.component ?? 'Every component'} logs from {l.level} on{l.until ? ` until ${date(l.until)}` : ''}.
        </Notice>
      ))}
      {w.trouble.value && <Notice level="warn">{w.trouble.value}</Notice>}
    </>
  )
}

/** Judged is how each component is. */
export function judged(w: Watched, s: Status) {
  const sample = w.sample.value
  const at = now.value
  return (s.components ?? []).map((c) => {
    const sum = sample?.components.get(c.component)
    const errors = w.errors.value.find((e) => e.component === c.component)
    return { c, sum, errors, ...judge(c, sum, errors, w.failedAt.value.get(c.component) ?? 0, at) }
  })
}

function Overview({ w, s }: { w: Watched; s: Status }) {
  const h = useHistory(s.name)
  const sample = w.sample.value
  const parts = judged(w, s)
  const nodes = new Map<string, NodeView>(
    parts.map((p) => [
      p.c.component,
      {
        level: p.level, why: p.why, ready: p.c.ready, tasks: p.c.tasks,
        rate: (sample?.known ? (p.c.kind === 'spout' ? p.sum?.emittedRate : p.sum?.receivedRate) : undefined) ?? NaN,
        emitted: p.sum?.emittedRate ?? 0, waiting: p.sum?.queued ?? 0,
      },
    ]),
  )
  const t = sample?.total
  return (
    <>
      <dl class="tiles">
        <Tile name="Trees done" value={sample?.known ? rate(sample.total.ackedRate) : '–'} note={t && `${count(t.acked)} in all`} />
        <Tile name="Failed attempts" value={sample?.known ? rate(sample.total.failedRate) : '–'} note={t && `${count(t.failed)} in all`} level={t && t.failedRate > 0 ? 'warn' : undefined} />
        <Tile name="Given up" value={t ? count(t.dead) : '–'} note="dead tuples" level={t && t.dead > 0 ? 'bad' : undefined} />
        <Tile name="In flight" value={t ? short(t.pending) : '–'} note="trees" />
        <Tile name="Tree takes" value={span(t?.tree?.p50)} note={t?.tree ? `p90 ${span(t.tree.p90)}, p99 ${span(t.tree.p99)}` : 'the median, lately'} />
      </dl>
      {(sample?.silent.length ?? 0) > 0 && <Notice level="warn">Workers without figures: {sample!.silent.join('; ')}</Notice>}
      <Card title="Diagram" aside={<span class="aside legend">wider is more; select a component to look into it, or an edge to see its tuples</span>}>
        {w.definition.value ? <Diagram definition={w.definition.value} nodes={nodes} /> : <p class="empty">Nothing runs yet.</p>}
      </Card>
      <Ranges />
      <Charts w={w} h={h} />
      <Windows h={h} kind="topology" />
      <Card title="Components">
        <Components rows={parts} name={s.name} />
      </Card>
      {(sample?.byCause.length ?? 0) > 0 && (
        <Card title="Failed attempts by reason">
          <Table
            label="Failed attempts by reason" rows={sample!.byCause} id={(r) => r[0]} empty=""
            columns={[
              { name: 'Reason', of: (r) => r[0], key: (r) => r[0] },
              { name: 'Attempts', of: (r) => count(r[1]), num: true, key: (r) => r[1] },
              { name: 'Share', of: (r) => <Share part={r[1]} of={sample!.byCause.reduce((n, x) => n + x[1], 0)} /> },
            ]}
          />
        </Card>
      )}
    </>
  )
}

function Share({ part, of }: { part: number; of: number }) {
  const percent = of > 0 ? Math.round((100 * part) / of) : 0
  return (
    <span class="meter">
      <meter min={0} max={100} value={percent} aria-label={`${percent} %`} />
      {percent} %
    </span>
  )
}

function Charts({ w, h }: { w: Watched; h: History | null }) {
  w.sample.value // of which samples is the past
  const window = seconds[range.value]
  const coarse = window !== undefined
  const points = h?.points ?? []
  const times = coarse ? middles(points) : w.samples.map((s) => s.time / 1000)
  const rated = (live: (s: Sample) => number, of: (p: Point) => number | undefined) => (coarse ? rates(points, of) : w.samples.map(live))
  const took = (q: 'p50' | 'p90' | 'p99') => (coarse ? points.map((p) => p.latency.tree?.[q] ?? null) : w.samples.map((s) => s.total.tree?.[q] ?? null))
  const failed = causes(coarse ? points.flatMap((p) => Object.keys(p.failed)) : w.samples.flatMap((s) => [...s.total.failedBy.keys()]))
  return (
    <div class="charts">
      <Chart
        title="Trees a second" times={times} write={(n) => short(n)} window={window}
        lines={[
          { name: 'done', color: '--ok', values: rated((s) => s.total.ackedRate, (p) => p.counts.acked) },
          { name: 'failed', color: '--bad', values: rated((s) => s.total.failedRate, (p) => p.counts.failed) },
        ]}
      />
      <Chart
        title="From emit until done" times={times} write={(n) => (n ? span(n) : '0')} window={window}
        lines={[
          { name: 'p50', color: '--accent', values: took('p50') },
          { name: 'p90', color: '--ok', values: took('p90') },
          { name: 'p99', color: '--warn', values: took('p99') },
        ]}
      />
      {failed.length > 0 && (
        <Chart
          title="Failed a second" times={times} write={(n) => short(n)} window={window}
          lines={failed.map((c) => ({ ...c, values: rated((s) => s.total.failedBy.get(c.name) ?? 0, (p) => p.failed[c.name]) }))}
        />
      )}
    </div>
  )
}

type Judged = ReturnType<typeof judged>[number]

function Components({ rows, name }: { rows: Judged[]; name: string }) {
  return (
    <Table<Judged>
      label="Components" rows={rows} id={(p) => p.c.component} empty="Nothing runs yet."
      columns={[
        {
          name: 'Component', key: (p) => p.c.component,
          of: (p) => (
            <>
              <a class="strong" href={link('topologies', name, 'components', p.c.component)}>
                {p.c.component}
              </a>
              <span class="kind"> {p.c.kind}</span>
            </>
          ),
        },
        { name: 'State', of: (p) => <StateOf p={p} />, key: (p) => p.level },
        { name: 'Tasks', of: (p) => `${p.c.ready}/${p.c.tasks}`, num: true, key: (p) => p.c.tasks },
        { name: 'In', of: (p) => (p.c.kind === 'spout' ? '' : rate(p.sum?.receivedRate ?? 0)), num: true, key: (p) => p.sum?.receivedRate ?? 0 },
        { name: 'Out', of: (p) => rate(p.sum?.emittedRate ?? 0), num: true, key: (p) => p.sum?.emittedRate ?? 0 },
        { name: 'Failed', of: (p) => count(p.sum?.failed ?? 0), num: true, key: (p) => p.sum?.failed ?? 0 },
        { name: 'Errors', of: (p) => count(Math.max(p.errors?.count ?? 0, p.sum?.errors ?? 0)), num: true, key: (p) => p.sum?.errors ?? 0 },
        { name: 'Restarts', of: (p) => count(p.sum?.restarts ?? 0), num: true, key: (p) => p.sum?.restarts ?? 0 },
        { name: 'Waiting', of: (p) => short((p.sum?.queued ?? 0) + (p.sum?.inChild ?? 0)), num: true, key: (p) => (p.sum?.queued ?? 0) + (p.sum?.inChild ?? 0) },
        { name: 'A row takes', of: (p) => span(p.sum?.row), num: true, key: (p) => p.sum?.row ?? 0 },
        { name: 'p99', of: (p) => span(p.sum && told(p.sum.latency)?.p99), num: true, key: (p) => (p.sum && told(p.sum.latency)?.p99) ?? 0 },
        { name: 'Cores', of: (p) => cores(p.sum?.cpuRate ?? 0), num: true, key: (p) => p.sum?.cpuRate ?? 0 },
        { name: 'Memory', of: (p) => (p.sum?.rss ? bytes(p.sum.rss) : '–'), num: true, key: (p) => p.sum?.rss ?? 0 },
      ]}
    />
  )
}

function StateOf({ p }: { p: Judged }) {
  const c: ComponentStatus = p.c
  return (
    <>
      <Badge level={p.level}>{p.level === 'bad' && c.state === 'ready' ? 'failing' : c.state}</Badge>
      {p.why && <div class="why">{p.why}</div>}
    </>
  )
}

function Workers({ s }: { s: Status }) {
  return (
    <Card title="Workers">
      <Table
        label="Workers" rows={s.worker_list ?? []} id={(x) => `${x.run} ${x.place}`} empty="It has no workers."
        columns={[
          { name: 'Machine', of: (x) => x.host || x.supervisor.slice(0, 12), key: (x) => x.host },
          { name: 'Slot', of: (x) => x.slot, num: true, key: (x) => x.slot },
          {
            name: 'State', key: (x) => x.state,
            of: (x) => (
              <>
                <Badge level={levelOf(x.state)}>{x.state}</Badge>
                {x.why && <div class="why">{x.why}</div>}
              </>
            ),
          },
          { name: 'Run', of: (x) => x.run, num: true, key: (x) => x.run },
          { name: 'Tasks', of: (x) => x.tasks, num: true, key: (x) => x.tasks },
          { name: 'PID', of: (x) => x.pid || '–', num: true },
          { name: 'Up', of: (x) => since(x.started, now.value), num: true, key: (x) => -Date.parse(x.started ?? '') },
        ]}
      />
    </Card>
  )
}

function Versions({ s }: { s: Status }) {
  return (
    <Card title="Versions">
      <Table
        label="Versions" rows={[...(s.versions ?? [])].sort((a, b) => b.number - a.number)} id={(v) => String(v.number)} empty="No version is kept."
        columns={[
          { name: 'Version', of: (v) => v.number, num: true, key: (v) => v.number },
          { name: '', of: (v) => (v.number === s.version ? <Badge level="ok">serves</Badge> : '') },
          { name: 'Deployed', of: (v) => date(v.deployed), key: (v) => v.deployed },
          { name: 'Size', of: (v) => bytes(v.size), num: true, key: (v) => v.size },
          { name: 'Bundle', of: (v) => <code title={v.bundle}>{v.bundle.slice(0, 16)}…</code> },
        ]}
      />
    </Card>
  )
}

function Source({ w }: { w: Watched }) {
  const [copied, setCopied] = useState(false)
  const d = w.definition.value
  if (!d) return <p class="empty">Nothing runs yet.</p>
  const copy = async () => {
    await navigator.clipboard.writeText(d.yaml)
    setCopied(true)
    setTimeout(() => setCopied(false), 2000)
  }
  return (
    <Card title="As it runs" aside={navigator.clipboard && <button onClick={() => void copy()}>{copied ? 'Copied' : 'Copy'}</button>}>
      <p class="sub">{isRun() ? 'In' : `Version ${d.version}, in`} canonical form: what was set {isRun() ? 'on the command line' : 'at the deploy'} is in it, what has its default is left out.</p>
      <pre class="source" tabIndex={0} aria-label="YAML">
        {d.yaml.split('\n').map((line) => {
          const m = line.match(/^(\s*(?:- )?)([\w-]+:)(.*)$/)
          return m ? (
            <>
              {m[1]}
              <b>{m[2]}</b>
              {m[3]}
              {'\n'}
            </>
          ) : (
            line + '\n'
          )
        })}
      </pre>
    </Card>
  )
}
