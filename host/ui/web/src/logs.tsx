// The lines of all machines, as they come. Only the lines in view are in the
// page; the last of them are kept, so that a thousand a second do no harm.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { topologyPath } from './api'
import { clock, count } from './format'
import { Card, Notice } from './parts'
import { link, route } from './store'
import { lines } from './stream'
import type { LogLine } from './types'

const most = 20_000 // lines kept
const high = 20 // pixels of a line
const levels = ['DEBUG', 'INFO', 'WARN', 'ERROR']

/** Kept holds lines, and those that pass the filter. It is changed in place: turn tells. */
class Kept {
  all: LogLine[] = []
  shown: LogLine[] = []
  dropped = 0
  passes: (l: LogLine) => boolean = () => true

  add(batch: LogLine[]) {
    for (const l of batch) {
      this.all.push(l)
      if (this.passes(l)) this.shown.push(l)
    }
    const over = this.all.length - most
    if (over <= 0) return
    const gone = new Set(this.all.splice(0, over))
    let n = 0
    while (n < this.shown.length && gone.has(this.shown[n]!)) n++
    this.shown.splice(0, n)
    this.dropped += over
  }

  filter(passes: (l: LogLine) => boolean) {
    this.passes = passes
    this.shown = this.all.filter(passes)
  }
}

export function Logs({ name, components }: { name: string; components: string[] }) {
  const component = route.value[3] ?? ''
  const [search, setSearch] = useState('')
  const [level, setLevel] = useState('')
  const [turn, setTurn] = useState(0)
  const [failed, setFailed] = useState('')
  const [stopped, setStopped] = useState(false)
  const [picked, setPicked] = useState<LogLine | null>(null)
  const kept = useMemo(() => new Kept(), [name, component])
  const pausedRef = useRef(false)
  pausedRef.current = stopped

  useEffect(() => {
    const text = search.toLowerCase()
    const least = levels.indexOf(level)
    kept.filter((l) => {
      if (least > 0 && levels.indexOf(l.level ?? '') < least) return false
      return text === '' || (l.more !== undefined && JSON.stringify(l.more).toLowerCase().includes(text)) || l.text.toLowerCase().includes(text) || (l.logger ?? '').toLowerCase().includes(text) || (l.host ?? '').toLowerCase().includes(text)
    })
    setTurn((n) => n + 1)
  }, [kept, search, level])

  useEffect(() => {
    const ended = new AbortController()
    let batch: LogLine[] = []
    const flush = setInterval(() => {
      if (batch.length === 0 || pausedRef.current) return
      kept.add(batch)
      batch = []
      setTurn((n) => n + 1)
    }, 100)
    const query = new URLSearchParams({ follow: 'true', tail: '1000', ...(component && { component }) })
    const read = async () => {
      while (!ended.signal.aborted) {
        try {
          await lines(topologyPath(name, `/logs?${query}`), ended.signal, (text) => {
            if (!text) return
            batch.push(JSON.parse(text) as LogLine)
            if (batch.length > most) batch.shift()
            setFailed('')
          })
        } catch (err) {
          if (ended.signal.aborted) return
          setFailed((err as Error).message)
        }
        query.set('tail', '1')
        await new Promise((r) => setTimeout(r, 3000))
      }
    }
    void read()
    return () => {
      ended.abort()
      clearInterval(flush)
    }
  }, [name, component, kept])

  return (
    <Card
      title="Logs"
      aside={
        <span class="aside" role="status">
          {count(kept.shown.length)} of {count(kept.all.length)} lines{kept.dropped > 0 && `, ${count(kept.dropped)} older ones let go`}
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
            {levels.slice(1).map((l) => (
              <option value={l}>{l.toLowerCase()} and worse</option>
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
      <Window rows={kept.shown} turn={turn} pick={setPicked} />
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
