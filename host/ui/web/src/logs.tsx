// The lines of all machines, as they come. Only the lines in view are in the
// page; the last of them are kept, so that a thousand a second do no harm.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { topologyPath } from './api'
import { clock, count, plural } from './format'
import { Card, Notice } from './parts'
import { Resume } from './resume'
import { link, route } from './store'
import { lines } from './stream'
import type { LogLine } from './types'

const most = 20_000 // lines kept
const high = 20 // pixels of a line
const levels = ['debug', 'info', 'warn', 'error']

/** Kept holds the last lines. It is changed in place: turn tells. */
class Kept {
  all: LogLine[] = []
  dropped = 0

  add(batch: LogLine[]) {
    this.all.push(...batch)
    const over = this.all.length - most
    if (over <= 0) return
    this.all.splice(0, over)
    this.dropped += over
  }
}

/** UseSettled returns a text when it has not changed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), 300)
    return () => clearTimeout(timer)
  }, [text])
  return settled
}

export function Logs({ name, components }: { name: string; components: string[] }) {
  const component = route.value[3] ?? ''
  const [search, setSearch] = useState('')
  const [level, setLevel] = useState('')
  const [turn, setTurn] = useState(0)
  const [failed, setFailed] = useState('')
  const [stopped, setStopped] = useState(false)
  const [picked, setPicked] = useState<LogLine | null>(null)
  const wanted = useSettled(search.trim())
  const kept = useMemo(() => new Kept(), [name, component, level, wanted])
  const pausedRef = useRef(false)
  pausedRef.current = stopped

  // The machines look for what is wanted, in all that they keep.
  useEffect(() => {
    const ended = new AbortController()
    let batch: LogLine[] = []
    const flush = setInterval(() => {
      if (batch.length === 0 || pausedRef.current) return
      kept.add(batch)
      batch = []
      setTurn((n) => n + 1)
    }, 100)
    const resume = new Resume()
    const first = { follow: 'true', tail: '1000', ...(component && { component }), ...(level && { level }), ...(wanted && { search: wanted }) }
    const read = async () => {
      while (!ended.signal.aborted) {
        try {
          await lines(topologyPath(name, `/logs?${resume.query(first)}`), ended.signal, (text) => {
            setFailed('')
            if (!text) return
            const l = JSON.parse(text) as LogLine
            if (!resume.fresh(l)) return
            batch.push(l)
            if (batch.length > most) batch.shift()
          })
        } catch (err) {
          if (ended.signal.aborted) return
          setFailed((err as Error).message)
        }
        await new Promise((r) => setTimeout(r, 3000))
      }
    }
    void read()
    return () => {
      ended.abort()
      clearInterval(flush)
    }
  }, [name, component, level, wanted, kept])

  return (
    <Card
      title="Logs"
      aside={
        <span class="aside" role="status">
          {plural(kept.all.length, 'line')}{kept.dropped > 0 && `, ${count(kept.dropped)} older ones let go`}
        </span>
      }
    >
      <form class="filters" role="search" onSubmit={(e) => e.preventDefault()}>
        <label>
          Search <input type="search" value={search} onInput={(e) => setSearch(e.currentTarget.value)} placeholder="text" />
        </label>
        <label>
          Level{' '}
          <select value={level} onChange={(e) => setLevel(e.currentTarget.value)}>
            <option value="">all, printed too</option>
            {levels.map((l) => (
              <option value={l}>{l} and worse</option>
            ))}
          </select>
        </label>
        <label>
          Component{' '}
          <select value={component} onChange={(e) => (location.hash = link('topologies', name, 'logs', ...(e.currentTarget.value ? [e.currentTarget.value] : [])))}>
            <option value="">all</option>
            {components.map((c) => (
              <option value={c}>{c}</option>
            ))}
          </select>
        </label>
        <button type="button" aria-pressed={stopped} onClick={() => setStopped(!stopped)}>
          {stopped ? 'Go on' : 'Pause'}
        </button>
      </form>
      {failed && (
        <Notice level="warn" live>
          {failed}
        </Notice>
      )}
      <Window rows={kept.all} turn={turn} pick={setPicked} />
      {picked && (
        <div class="picked">
          <button class="plain" onClick={() => setPicked(null)}>
            Close
          </button>
          <pre tabIndex={0}>{JSON.stringify(picked, null, 2)}</pre>
        </div>
      )}
    </Card>
  )
}

/** Window shows the lines that are in view, and stays at the end if it was there. */
function Window({ rows, turn, pick }: { rows: LogLine[]; turn: number; pick: (l: LogLine) => void }) {
  const box = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  const [end, setEnd] = useState(true)
  const last = useRef(0) // where it was when it was last scrolled
  useEffect(() => {
    const el = box.current
    if (el && end) el.scrollTop = el.scrollHeight
  }, [turn, end])
  const scrolled = () => {
    const el = box.current
    if (!el) return // the page was left while it scrolled
    setTop(el.scrollTop)
    // Lines may have come since we scrolled to the end: only who goes up leaves it.
    if (el.scrollTop + el.clientHeight >= el.scrollHeight - 2 * high) setEnd(true)
    else if (el.scrollTop < last.current) setEnd(false)
    last.current = el.scrollTop
  }
  const first = Math.max(0, Math.floor(top / high) - 10)
  const view = rows.slice(first, first + 70)
  return (
    <div class="loglines" ref={box} onScroll={scrolled} tabIndex={0} role="log" aria-live="off" aria-label="Log lines">
      {rows.length === 0 && <p class="empty">No lines.</p>}
      <div style={{ height: `${rows.length * high}px` }}>
        <div style={{ transform: `translateY(${first * high}px)` }}>
          {view.map((l) => (
            <div class={`logline ${(l.level ?? 'raw').toLowerCase()}`} onClick={() => pick(l)}>
              <time>{clock(l.time)}</time>
              <span class="lv">{l.level ?? ''}</span>
              <span class="who">{l.component ? `${l.component}${l.task ? `[${l.task}]` : ''}` : 'worker'}</span>
              <span class="what">
                {l.text}
                {l.more && <span class="more">{Object.entries(l.more).filter(([, v]) => v !== '').map(([k, v]) => ` ${k}=${typeof v === 'string' ? v.split('\n', 1)[0] : JSON.stringify(v)}`)}</span>}
              </span>
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}
