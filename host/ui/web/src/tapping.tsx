// The page of a tap: what to look at, and the tuples as they pass.
import { useEffect, useRef, useState } from 'preact/hooks'
import { clock, count } from './format'
import { Card, Notice } from './parts'
import { link, route, type Watched } from './store'
import { edges, streams, Tap, type Query, type Row } from './tap'
import type { Definition } from './types'

const most = 100 // rows in the page

export function Tapping({ w }: { w: Watched }) {
  const d = w.definition.value
  if (!d) return <p class="empty">Nothing runs yet.</p>
  return <Tapped name={w.name} d={d} />
}

function Tapped({ name, d }: { name: string; d: Definition }) {
  const edge = route.value[3] ?? ''
  const [tap, setTap] = useState<Tap | null>(null)
  const running = useRef<Tap | null>(null)
  const start = (q: Query | null) => {
    running.current?.stop()
    running.current = q && new Tap(name, q)
    setTap(running.current)
  }
  useEffect(() => {
    start(edge ? { edge, where: '', sample: 100, fields: [] } : null) // who selects an edge wants to see its tuples
    return () => running.current?.stop()
  }, [edge])
  return (
    <Card title="Tap" id="tap">
      <p class="sub">Tuples as they pass, on an edge of the diagram. It slows nobody down: what there is no time to look at is dropped, and counted.</p>
      <Form name={name} d={d} edge={edge} tap={tap} start={start} key={edge} />
      {tap && <Seen tap={tap} d={d} />}
    </Card>
  )
}

function Form({ name, d, edge, tap, start }: { name: string; d: Definition; edge: string; tap: Tap | null; start: (q: Query | null) => void }) {
  const [where, setWhere] = useState('')
  const [sample, setSample] = useState('100')
  const [fields, setFields] = useState<string[]>([])
  const input = useRef<HTMLInputElement>(null)
  const known = [...new Set(streams(d, edge).flatMap((s) => s.fields))]
  const shows = (f: string) => fields.length === 0 || fields.includes(f) // without any there would be nothing to see
  const list = edges(d)
  const state = tap?.state.value
  const failed = tap?.failed.value ?? ''
  const wrong = failed.startsWith('where:')
  const column = Number(failed.match(/^where: column (\d+)/)?.[1] ?? 0)
  useEffect(() => {
    if (!wrong || column === 0) return
    input.current?.focus()
    const at = [...where].slice(0, column - 1).join('').length // columns count characters
    input.current?.setSelectionRange(at, where.length)
  }, [failed])
  const send = (e: SubmitEvent) => {
    e.preventDefault()
    start({ edge, where, sample: Number(sample), fields: fields.length < known.length ? fields : [] })
  }
  const option = ([value, text]: [string, string]) => <option value={value}>{text}</option>
  const there = [...list.between, ...list.all].some(([value]) => value === edge)
  return (
    <form class="filters tapform" onSubmit={send} aria-label="What to tap">
      <label>
        Edge
        <select name="edge" required value={edge} onChange={(e) => (location.hash = link('topologies', name, 'tap', ...(e.currentTarget.value ? [e.currentTarget.value] : [])))}>
          <option value="">choose one</option>
          {edge && !there && <option value={edge}>{edge}</option>}
          <optgroup label="From one component to another">{list.between.map(option)}</optgroup>
          <optgroup label="All that one emits">{list.all.map(option)}</optgroup>
        </select>
      </label>
      <label class="where">
        Where
        <input
          name="where" ref={input} value={where} spellcheck={false} autocapitalize="off" autocomplete="off" placeholder={known[0] ? `any; or: ${known[0]} != nil` : 'any'}
          aria-invalid={wrong} aria-describedby={wrong ? 'tap-failed' : undefined} onInput={(e) => setWhere(e.currentTarget.value)}
        />
      </label>
      <label>
        Sample, %
        <input type="number" name="sample" required min="0.001" max="100" step="any" inputMode="decimal" value={sample} onInput={(e) => setSample(e.currentTarget.value)} />
      </label>
      {known.length > 1 && (
        <fieldset>
          <legend>Fields</legend>
          {known.map((f) => (
            <label>
              <input type="checkbox" name={`field-${f}`} checked={shows(f)} onChange={(e) => setFields(known.filter((x) => (x === f ? e.currentTarget.checked : shows(x))))} />
              {f}
            </label>
          ))}
        </fieldset>
      )}
      <div class="buttons">
        <button type="submit" class="primary" disabled={!edge}>
          {state === 'live' || state === 'paused' ? 'Start anew' : 'Start'}
        </button>
        <button type="button" aria-pressed={state === 'paused'} disabled={!tap || state === 'ended'} onClick={() => tap?.pause(state !== 'paused')}>
          {state === 'paused' ? 'Go on' : 'Pause'}
        </button>
        <button type="button" disabled={!tap || state === 'ended'} onClick={() => tap?.stop()}>
          Stop
        </button>
      </div>
      {failed && (
        <div class="failedtap" id="tap-failed">
          <Notice level="bad" live>
            {wrong ? <pre>{failed}</pre> : failed}
          </Notice>
        </div>
      )}
    </form>
  )
}

const words = { live: 'live', paused: 'paused: tuples go on passing', ended: 'stopped' }

function Seen({ tap, d }: { tap: Tap; d: Definition }) {
  tap.turn.value // of which the rest is the past
  const [picked, setPicked] = useState<Row | null>(null)
  const of = streams(d, tap.query.edge)
  const all = [...new Set(of.flatMap((s) => s.fields))]
  const fields = tap.query.fields.length > 0 ? all.filter((f) => tap.query.fields.includes(f)) : all
  if (tap.failed.value && tap.shown === 0) return null
  return (
    <>
      <p class="tapped">
        <span class={`live ${tap.state.value === 'live' ? 'live' : ''}`} role="status">
          <i aria-hidden="true" />
          {words[tap.state.value]}
        </span>
        <Counted tap={tap} />
      </p>
      {tap.lost.length > 0 && <Notice level="warn">Cannot be seen: {tap.lost.join('; ')}</Notice>}
      {tap.rows.length === 0 ? (
        <p class="empty">{tap.state.value === 'ended' ? 'No tuple was seen.' : 'No tuple so far.'}</p>
      ) : (
        <Rows rows={tap.rows.slice(0, most)} fields={fields} several={of.length > 1} pick={setPicked} />
      )}
      {picked && (
        <div class="picked">
          <button class="plain" onClick={() => setPicked(null)}>
            Close
          </button>
          <pre tabIndex={0} aria-label="The whole tuple">
            {whole(picked)}
          </pre>
        </div>
      )}
    </>
  )
}

/** Whole is all that is known of a tuple. */
function whole({ number: _, ...t }: Row): string {
  return JSON.stringify(t, null, 2)
}

/** Counted says how much passed, and what was dropped of it. */
function Counted({ tap }: { tap: Tap }) {
  const c = tap.counts
  if (!c) return null
  return (
    <span class="aside counted">
      {count(c.passed)} passed, {count(c.looked)} looked at, {count(c.matched)} matched, {count(c.shown)} shown
      {c.dropped > 0 && (
        <>
          ; <b>{count(c.dropped)} dropped</b>: no time to look at them, or no room. A smaller sample, or a condition, shows more evenly.
        </>
      )}
    </span>
  )
}

function Rows({ rows, fields, several, pick }: { rows: Row[]; fields: string[]; several: boolean; pick: (r: Row) => void }) {
  return (
    <div class="scroll tuples" role="region" aria-label="Tuples, the newest first" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Task</th>
            {several && <th scope="col">Stream</th>}
            {fields.map((f) => (
              <th scope="col">{f}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr key={r.number}>
              <td>
                <button class="plain" aria-label={`${clock(r.time)}: show all of it`} onClick={() => pick(r)}>
                  <time dateTime={r.time}>{clock(r.time)}</time>
                </button>
              </td>
              <td>{`${r.component}[${r.task}]`}</td>
              {several && <td>{r.stream}</td>}
              {fields.map((f) => (
                <td class="value">{f in r.values ? JSON.stringify(r.values[f]) : ''}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
