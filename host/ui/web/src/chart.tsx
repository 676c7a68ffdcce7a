// Charts over time, by uPlot.
import uPlot from 'uplot'
import { useEffect, useRef } from 'preact/hooks'
import { dark } from './parts'

export interface Line {
  name: string
  color: string // of a custom property: --ok
  values: (number | null)[]
}

interface Props {
  title: string
  times: number[] // seconds
  lines: Line[]
  write: (n: number) => string
  note?: string
  window?: number // seconds before now that are shown, in points that stand for slices of it; absent: what was sampled
}

const height = 168

/** Steps are between values that are written short: 0.25 would be 0.3 beside its line. */
const steps = Array.from({ length: 51 }, (_, i) => Number(`${[1, 2, 5][i % 3]}e${Math.floor(i / 3) - 1}`))

/** Gap is how many seconds without a sample break a line. */
const gap = 10

/** Broken puts nothing where there were no samples: before a page was opened again. */
function broken(times: number[], lines: Line[], gap: number): uPlot.AlignedData {
  const at: number[] = []
  const values: (number | null)[][] = lines.map(() => [])
  times.forEach((t, i) => {
    if (i > 0 && t - times[i - 1]! > gap) {
      at.push(t - 1)
      for (const v of values) v.push(null)
    }
    at.push(t)
    lines.forEach((l, n) => values[n]!.push(l.values[i] ?? null))
  })
  return [at, ...values]
}

export function Chart({ title, times, lines, write, note, window }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const data = broken(times, lines, window ? Infinity : gap)
  const names = lines.map((l) => l.name).join()
  useEffect(() => {
    const el = box.current!
    const css = getComputedStyle(document.documentElement)
    const color = (name: string) => css.getPropertyValue(name).trim()
    const axis = { stroke: color('--muted'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' }
    plot.current = new uPlot(
      {
        width: Math.max(el.clientWidth, 200), height, padding: [8, 26, 0, 0],
        cursor: { points: { size: 6 }, y: false }, legend: { show: false },
        scales: { x: { time: true, ...(window && { range: (): [number, number] => [Date.now() / 1000 - window, Date.now() / 1000] }) }, y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.15 : 1] } },
        axes: [
          { ...axis, space: 70, size: 28, values: (_u, ticks) => ticks.map((t) => new Date(t * 1000).toLocaleTimeString('en-GB', window ? { hour: '2-digit', minute: '2-digit' } : { hour12: false })) },
          { ...axis, size: 58, space: 36, incrs: steps, values: (u, ticks) => ticks.map((t) => (u.data.slice(1).some((line) => line.some((v) => v !== null)) ? write(t) : '')) },
        ],
        series: [{}, ...lines.map((l) => ({ label: l.name, stroke: color(l.color), width: 2, points: { show: window !== undefined, size: 5 }, fill: lines.length === 1 ? color(l.color) + '1c' : undefined }))],
      },
      data,
      el,
    )
    const size = new ResizeObserver(() => plot.current?.setSize({ width: Math.max(el.clientWidth, 200), height }))
    size.observe(el)
    return () => {
      size.disconnect()
      plot.current?.destroy()
      plot.current = null
    }
  }, [names, window, dark.value])
  useEffect(() => plot.current?.setData(data), [times.at(-1), times.length, names])
  const last = lines.map((l) => ({ ...l, value: l.values.at(-1) ?? null }))
  return (
    <figure class="chart">
      <figcaption>
        <span class="title">{title}</span>
        {last.map((l) => (
          <span class="series">
            <i class={`swatch ${l.color.slice(2)}`} aria-hidden="true" />
            {l.name} <b>{l.value === null ? '–' : write(l.value)}</b>
          </span>
        ))}
        {note && <span class="note">{note}</span>}
      </figcaption>
      <div ref={box} class="plot" role="img" aria-label={`${title}: ${last.map((l) => `${l.name} ${l.value === null ? 'unknown' : write(l.value)}`).join(', ')}`} />
    </figure>
  )
}
