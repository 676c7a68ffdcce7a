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

const high = 66 // of a component
const [narrowest, widest] = [176, 270] // a component's width follows the longest name
const around = 38 + 14 // pixels of it that are not the name's

const pen = document.createElement('canvas').getContext('2d')

/** Extent is how wide a name is drawn. */
function extent(name: string): number {
  if (!pen) return name.length * 10
  pen.font = `600 14px ${getComputedStyle(document.body).fontFamily}`
  return pen.measureText(name).width
}

/** Cut leaves of a name what there is room for. */
function cut(name: string, room: number): string {
  if (extent(name) <= room) return name
  let n = name.length - 1
  while (n > 1 && extent(name.slice(0, n) + '…') > room) n--
  return name.slice(0, n) + '…'
}

interface Laid {
  wide: number // a component
  width: number
  height: number
  nodes: { id: string; shown: string; kind: string; x: number; y: number }[]
  edges: { key: string; from: string; to: string; labels: string[]; points: { x: number; y: number }[] }[]
}

function layout(d: Definition, down: boolean): Laid {
  const wide = Math.ceil(Math.min(Math.max(narrowest, ...d.components.map((c) => extent(c.id) + around)), down ? (narrowest + widest) / 2 : widest))
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
    width: size.width ?? 0,
    height: size.height ?? 0,
    nodes: d.components.map((c) => ({ id: c.id, shown: cut(c.id, wide - around), kind: c.kind, x: g.node(c.id).x, y: g.node(c.id).y })),
    edges: g.edges().map((e) => ({ key: `${e.v}→${e.w}`, from: e.v, to: e.w, labels: labels.get(`${e.v}→${e.w}`) ?? [], points: g.edge(e).points })),
  }
}

/** Path draws a smooth line through points. */
function path(points: { x: number; y: number }[]): string {
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
function beside(points: { x: number; y: number }[], down: boolean, thick: number): { x: number; y: number; 'text-anchor': 'start' | 'middle' | 'end' } {
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
              <path class="hit" d={path(e.points)} />
              <path class="bed" d={path(e.points)} stroke-width={width(flow)} />
              {flow > 0 && <path class="flow" d={path(e.points)} stroke-width={Math.min(width(flow), 3)} />}
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
              <g transform={`translate(${n.x - laid.wide / 2} ${n.y - high / 2})`}>
                <title>{v?.why || `${n.kind} ${n.id}`}</title>
                <rect width={laid.wide} height={high} rx="10" />
                <rect class="stripe" x="0" y="14" width="4" height={high - 28} rx="2" />
                {n.kind === 'spout' ? <circle class="kind" cx="23" cy="23" r="6" /> : <rect class="kind" x="17" y="17" width="12" height="12" rx="3" />}
                <text class="name" x="38" y="28">
                  {n.shown + ' '}
                </text>
                <text class="line" x="17" y="51">
                  {flow + ' '}
                </text>
                <text class="line end" x={laid.wide - 14} y="51" text-anchor="end">
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
