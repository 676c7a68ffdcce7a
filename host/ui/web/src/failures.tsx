// Errors of components, with what the language says of them.
import { count, date, plural, since } from './format'
import { Card } from './parts'
import { link, now, type Watched } from './store'
import type { ComponentErrors, Failure, Occurrence } from './types'

const kinds: Record<string, string> = { exception: 'exception', fail: 'failed on purpose', exit: 'the process ended', start: 'could not start' }

function About({ o, kind }: { o: Occurrence; kind: string }) {
  return (
    <>
      {o.tuple && (
        <p>
          {kind === 'exit' ? 'In hand, most likely: a tuple' : 'A tuple'} of {o.from}: <code>{o.tuple}</code>
        </p>
      )}
      {o.traceback ? <pre tabIndex={0}>{o.traceback}</pre> : <p class="empty">It came without a traceback.</p>}
    </>
  )
}

function One({ f, pinned, open }: { f: Failure; pinned?: boolean; open?: boolean }) {
  const text = f.type && !f.message.startsWith(f.type) ? `${f.type}: ${f.message}` : f.message
  return (
    <li class={`failure ${pinned ? 'pinned' : ''}`}>
      <details open={open}>
        <summary>
          <span class="text">{text}</span>
          <span class="facts">
            {pinned && <b class="pin">the first</b>}
            <span>{kinds[f.kind] ?? f.kind}</span>
            {f.count > 1 && <span>{count(f.count)} times</span>}
            <span>task {f.task}</span>
            {f.host && <span>{f.host}</span>}
            {f.worker && <span>slot {f.worker}</span>}
            {!!f.version && <span>version {f.version}</span>}
            {!!f.attempt && <span>attempt {f.attempt}</span>}
            {f.place && <code>{f.place}</code>}
            <time dateTime={f.time} title={date(f.time)}>
              {since(f.time, now.value)} ago
            </time>
          </span>
        </summary>
        <About o={f} kind={f.kind} />
        {f.first && (
          <>
            <p>
              The first of them, {since(f.first.time, now.value)} ago, of task {f.first.task}
              {f.first.host && ` on ${f.first.host}`}
              {!!f.first.attempt && `, attempt ${f.first.attempt}`}: {f.first.message}
            </p>
            <About o={f.first} kind={f.kind} />
          </>
        )}
      </details>
    </li>
  )
}

/** What stays the same while errors of a kind go on, so that what is open stays so. */
const keyOf = (f: Failure) => `${f.kind} ${f.type} ${f.place}`

/** Failures lists the errors of a component: the first, pinned, then the last, newest on top. */
export function Failures({ of, open }: { of: ComponentErrors; open?: boolean }) {
  const [first, ...rest] = of.errors ?? []
  if (!first) return <p class="empty">No errors.</p>
  return (
    <ol class="failures">
      <One f={first} pinned={rest.length > 0} open={open} key={keyOf(first)} />
      {rest.reverse().map((f, i) => (
        <One f={f} open={open && i === 0} key={keyOf(f)} />
      ))}
    </ol>
  )
}

export function Errors({ w }: { w: Watched }) {
  const list = w.errors.value.filter((c) => c.count > 0)
  const others = w.otherErrors.value.filter((c) => c.count > 0)
  return (
    <>
      {list.length === 0 && <p class="empty">No component has reported an error.</p>}
      {[...list, ...others].map((c) => (
        <Card
          key={`${c.run} ${c.component}`} title={c.was === 'serving' ? c.component : `${c.component} in run ${c.run}, ${c.was}`} id={`errors-${c.run}-${c.component}`}
          aside={
            <span class="aside">
              {plural(c.count, 'error')}, version {c.version} · <a href={link('topologies', w.name, 'components', c.component)}>component</a>
            </span>
          }
        >
          <Failures of={c} open={list.length + others.length === 1} />
        </Card>
      ))}
    </>
  )
}
