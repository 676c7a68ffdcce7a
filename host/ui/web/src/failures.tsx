// Errors of components, with what the language says of them.
import { count, date, plural, since } from './format'
import { Card } from './parts'
import { link, now, type Watched } from './store'
import type { ComponentErrors, Failure } from './types'

const kinds: Record<string, string> = { exception: 'exception', fail: 'failed on purpose', exit: 'the process ended', start: 'could not start' }

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
        {f.tuple && (
          <p>
            {f.kind === 'exit' ? 'In hand, most likely: a tuple' : 'A tuple'} of {f.from}: <code>{f.tuple}</code>
          </p>
        )}
        {f.traceback ? <pre tabIndex={0}>{f.traceback}</pre> : <p class="empty">It came without a traceback.</p>}
      </details>
    </li>
  )
}

/** Failures lists the errors of a component: the first, pinned, then the last, newest on top. */
export function Failures({ of, open }: { of: ComponentErrors; open?: boolean }) {
  const [first, ...rest] = of.errors ?? []
  if (!first) return <p class="empty">No errors.</p>
  return (
    <ol class="failures">
      <One f={first} pinned={rest.length > 0} open={open} key={`first ${first.time}`} />
      {rest.reverse().map((f, i) => (
        <One f={f} open={open && i === 0} key={`${f.time} ${f.task} ${f.message}`} />
      ))}
    </ol>
  )
}

export function Errors({ w }: { w: Watched }) {
  const list = w.errors.value.filter((c) => c.count > 0)
  if (list.length === 0) return <p class="empty">No component has reported an error.</p>
  return (
    <>
      {list.map((c) => (
        <Card
          key={c.component} title={c.component} id={`errors-${c.component}`}
          aside={
            <span class="aside">
              {plural(c.count, 'error')} · <a href={link('topologies', w.name, 'components', c.component)}>component</a>
            </span>
          }
        >
          <Failures of={c} open={list.length === 1} />
        </Card>
      ))}
    </>
  )
}
