// A topology as a diagram: laid out by dagre, drawn as SVG. An edge is as wide
// as its rate is high; colour and shape of a node say how it is.
import dagre from '@dagrejs/dagre'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { rate } from './format'
import { link, type Level } from './store'
import type { Definition } from './types'

export interface NodeView {
  level: Level
  why: string
  rate: number // rows a second: emitted by a spout, received by a bolt
  emitted: number // a second
  ready: number
  tasks: number
  waiting: number // rows that wait for it
}

const [onOne, onTwo] = [66, 84] // a component's height, by the lines that names take
const [narrowest, widest] = [176, 270] // a component's width follows the longest name
const around = 38 + 14 // pixels of it that are not the name's

const pen = document.createElement('canvas').getContext('2d')

/** Extent is how wide a name is drawn. */
function extent(name: string): number {
  if (!pen) return name.length * 10
  pen.font = `600 14px ${getComputedStyle(document.body).fontFamily}`
  return pen.measureText(name).width
}

/** Cut leaves out the middle of a name that there is no room for: names of one family differ at their ends. */
function cut(name: string, room: number): string {
  if (extent(name) <= room) return name
  let n = name.length - 1
  const left = () => `${name.slice(0, Math.ceil(n / 2))}…${name.slice(name.length - Math.floor(n / 2))}`
  while (n > 2 && extent(left()) > room) n--
  return left()
}

/** Lines breaks a name that one line has no room for where a word of it ends, or else where the line does. */
function lines(name: string, room: number): string[] {
  if (extent(name) <= room) return [name]
  let full = name.length - 1
  while (full > 1 && extent(name.slice(0, full)) > room) full--
  const ends = [...name.slice(0, full + 1).matchAll(/[-_.](?=.)|[a-z0-9](?=[A-Z])/g)].map((m) => m.index + 1).filter((n) => n <= full)
  // The second line should take what is left; the last end of a word leaves the least.
  const at = ends.at(-1)
  const n = at && (extent(name.slice(at)) <= room || at > full / 2) ? at : full
  return [name.slice(0, n), cut(name.slice(n), room)]
}

interface Laid {
  wide: number // a component
  high: number
  width: number
  height: number
  nodes: { id: string; shown: string[]; kind: string; x: number; y: number }[]
  edges: { key: string; from: string; to: string; labels: string[]; points: Point[] }[]
}

function layout(d: Definition, down: boolean): Laid {
  const most = down ? (narrowest + widest) / 2 : widest
  const wide = Math.ceil(Math.min(Math.max(narrowest, ...d.components.map((c) => extent(c.id) + around)), most))
  const shown = new Map(d.components.map((c) => [c.id, lines(c.id, wide - around)]))
  const high = [...shown.values()].some((l) => l.length > 1) ? onTwo : onOne
  const g = new dagre.graphlib.Graph({ multigraph: true })
  g.setGraph({ rankdir: down ? 'TB' : 'LR', nodesep: down ? 24 : 26, ranksep: down ? 52 : 76, marginx: 12, marginy: 12 })
  g.setDefaultEdgeLabel(() => ({}))
  for (const c of d.components) g.setNode(c.id, { width: wide, height: high })
  const labels = new Map<string, string[]>()
  for (const e of d.edges) {
    const key = `${e.from}→${e.to}`
    const stream = e.stream === 'default' ? '' : `${e.stream}, `
    labels.set(key, [...(labels.get(key) ?? []), stream + e.grouping + (e.fields?.length ? ` (${e.fields.join(', ')})` : '')])
    g.setEdge(e.from, e.to)
  }
  dagre.layout(g)
  const size = g.graph()
  return {
    wide,
    high,
    width: size.width ?? 0,
    height: size.height ?? 0,
    nodes: d.components.map((c) => ({ id: c.id, shown: shown.get(c.id)!, kind: c.kind, x: g.node(c.id).x, y: g.node(c.id).y })),
    edges: g.edges().map((e) => ({
      key: `${e.v}→${e.w}`, from: e.v, to: e.w, labels: labels.get(`${e.v}→${e.w}`) ?? [],
      points: dock(g.edge(e).points, g.node(e.v), g.node(e.w), wide, high, down),
    })),
  }
}

interface Point {
  x: number
  y: number
}

/** Dock lets an edge that leads onwards leave a component's far side and end at the next one's near side, not at corners. */
function dock(points: Point[], from: Point, to: Point, wide: number, high: number, down: boolean): Point[] {
  const [ahead, across, long, broad] = down ? (['y', 'x', high, wide] as const) : (['x', 'y', wide, high] as const)
  if (to[ahead] - from[ahead] < long) return points // back, or to itself
  const end = (of: Point, near: Point, side: number): Point => {
    const most = broad / 2 - 20
    const off = Math.min(Math.max((near[across] - of[across]) / 4, -most), most)
    return { ...of, [ahead]: of[ahead] + (side * long) / 2, [across]: of[across] + off }
  }
  return [end(from, points[1] ?? to, 1), ...points.slice(1, -1), end(to, points.at(-2) ?? from, -1)]
}

/** Path draws a smooth line through points. */
function path(points: Point[], down: boolean): string {
  if (points.length === 3) {
    const [a, b] = [points[0]!, points[2]!]
    return down ? `M${a.x} ${a.y}C${a.x} ${(a.y + b.y) / 2} ${b.x} ${(a.y + b.y) / 2} ${b.x} ${b.y}` : `M${a.x} ${a.y}C${(a.x + b.x) / 2} ${a.y} ${(a.x + b.x) / 2} ${b.y} ${b.x} ${b.y}`
  }
  if (points.length < 3) return points.map((p, i) => `${i ? 'L' : 'M'}${p.x} ${p.y}`).join('')
  let d = `M${points[0]!.x} ${points[0]!.y}`
  for (let i = 1; i < points.length - 2; i++) {
    const [a, b] = [points[i]!, points[i + 1]!]
    d += `Q${a.x} ${a.y} ${(a.x + b.x) / 2} ${(a.y + b.y) / 2}`
  }
  const [a, b] = [points.at(-2)!, points.at(-1)!]
  return d + `Q${a.x} ${a.y} ${b.x} ${b.y}`
}

/** Beside says where an edge's rate is written: on the outside of its bend, so that the line does not cross it. */
function beside(points: Point[], down: boolean, thick: number): { x: number; y: number; 'text-anchor': 'start' | 'middle' | 'end' } {
  const [first, mid, last] = [points[0]!, points[Math.floor(points.length / 2)]!, points.at(-1)!]
  const off = thick / 2 + 6
  if (down) return last.x < first.x - 4 ? { x: mid.x - off, y: mid.y, 'text-anchor': 'end' } : { x: mid.x + off, y: mid.y + 4, 'text-anchor': 'start' }
  return { x: mid.x, y: last.y > first.y + 4 ? mid.y + off + 8 : mid.y - off, 'text-anchor': 'middle' }
}

/** Width of an edge: each tenfold of the rate makes it 2 wider. */
function width(perSecond: number): number {
  return perSecond > 0 ? Math.min(1.5 + 1.9 * Math.log10(1 + perSecond), 13) : 1.5
}

export function Diagram({ definition, nodes, selected }: { definition: Definition; nodes: Map<string, NodeView>; selected?: string }) {
  const box = useRef<HTMLDivElement>(null)
  const [room, setRoom] = useState(1000)
  useEffect(() => {
    const watch = new ResizeObserver(() => setRoom(box.current?.clientWidth ?? 1000))
    watch.observe(box.current!)
    return () => watch.disconnect()
  }, [])
  const down = room < 620
  const laid = useMemo(() => layout(definition, down), [definition, down])
  const scale = Math.min(1, Math.max(room / laid.width, 0.62))
  // A bolt's rate is that of all its inputs: each has its part of it, by what its source emits.
  const part = (from: string, to: string) => {
    const sources = new Set(definition.edges.filter((e) => e.to === to).map((e) => e.from))
    let sum = 0
    for (const s of sources) sum += nodes.get(s)?.emitted ?? 0
    return sum > 0 ? ((nodes.get(to)?.rate ?? 0) * (nodes.get(from)?.emitted ?? 0)) / sum : 0
  }
  return (
    <div class="diagram" ref={box}>
      <svg width={laid.width * scale} height={laid.height * scale} viewBox={`0 0 ${laid.width} ${laid.height}`} role="group" aria-label={`Diagram of ${definition.name}`}>
        {laid.edges.map((e) => {
          const flow = part(e.from, e.to)
          const level = nodes.get(e.to)?.level ?? 'idle'
          const at = beside(e.points, down, width(flow))
          return (
            <a
              key={e.key} href={link('topologies', definition.name, 'tap', `${e.from}->${e.to}`)} class={`edge ${level} ${flow > 0 ? 'flows' : ''}`}
              aria-label={`${flow > 0 ? `${rate(flow)} ` : ''}from ${e.from} to ${e.to}: see its tuples`}
            >
              <title>{`${e.from} → ${e.to}: ${rate(flow)}; ${e.labels.join('; ')}. Select it to see its tuples.`}</title>
              <path class="hit" d={path(e.points, down)} />
              <path class="bed" d={path(e.points, down)} stroke-width={width(flow)} />
              {flow > 0 && <path class="flow" d={path(e.points, down)} stroke-width={Math.min(width(flow), 3)} />}
              {flow > 0 && (
                <text {...at}>
                  {rate(flow)}
                </text>
              )}
            </a>
          )
        })}
        {laid.nodes.map((n) => {
          const v = nodes.get(n.id)
          const flow = v ? rate(v.rate) : '–'
          const state = v ? (v.waiting >= 1000 ? `${rate(v.waiting).replace('/s', '')} waiting` : `${v.ready}/${v.tasks} ${v.tasks === 1 ? 'task' : 'tasks'}`) : ''
          // The label holds what is seen, word for word: who speaks to the page says what they see.
          return (
            <a
              key={n.id} href={link('topologies', definition.name, 'components', n.id)} class={`node ${n.kind} ${v?.level ?? 'idle'} ${selected === n.id ? 'selected' : ''}`}
              aria-label={`${n.kind} ${n.id}${v ? `: ${flow}, ${state}${v.why ? `, ${v.why}` : ''}` : ' –: no figures'}`}
            >
              <g transform={`translate(${n.x - laid.wide / 2} ${n.y - laid.high / 2})`}>
                <title>{`${n.kind} ${n.id}${v?.why ? `: ${v.why}` : ''}`}</title>
                <rect width={laid.wide} height={laid.high} rx="10" />
                <rect class="stripe" x="0" y="14" width="4" height={laid.high - 28} rx="2" />
                {n.kind === 'spout' ? <circle class="kind" cx="23" cy="23" r="6" /> : <rect class="kind" x="17" y="17" width="12" height="12" rx="3" />}
                <text class="name" y="28">
                  {n.shown.map((line, i) => (
                    <tspan x="38" dy={i * 18}>
                      {line + (i === n.shown.length - 1 ? ' ' : '')}
                    </tspan>
                  ))}
                </text>
                <text class="line" x="17" y={laid.high - 15}>
                  {flow + ' '}
                </text>
                <text class="line end" x={laid.wide - 14} y={laid.high - 15} text-anchor="end">
                  {state}
                </text>
              </g>
            </a>
          )
        })}
      </svg>
    </div>
  )
}
