// Tuples that were given up.
import { useEffect, useState } from 'preact/hooks'
import { topologyPath } from './api'
import { count, since } from './format'
import { Card, Notice } from './parts'
import { now } from './store'
import { lines } from './stream'
import type { DeadTuple } from './types'

const most = 200
const again = 5000 // milliseconds between looks

export function Dead({ name }: { name: string }) {
  const [list, setList] = useState<DeadTuple[] | null>(null)
  const [failed, setFailed] = useState('')
  useEffect(() => {
    const ended = new AbortController()
    let timer = 0
    const look = async () => {
      const got: DeadTuple[] = []
      try {
        await lines(topologyPath(name, `/dead?tail=${most}`), ended.signal, (text) => {
          if (text) got.push(JSON.parse(text) as DeadTuple)
        })
        setList(got.reverse())
        setFailed('')
      } catch (err) {
        if (ended.signal.aborted) return
        setFailed((err as Error).message)
      }
      timer = setTimeout(() => void look(), again)
    }
    void look()
    return () => {
      ended.abort()
      clearTimeout(timer)
    }
  }, [name])
  return (
    <Card title="Dead tuples">
      <p class="sub">Tuples whose trees were given up: the retries were used up, or nobody could replay them. The last {most} of each machine.</p>
      {failed && (
        <Notice level="warn" live>
          {failed}
        </Notice>
      )}
      {list?.length === 0 && <p class="empty">No tuple was given up.</p>}
      {list && list.length > 0 && (
        <ol class="failures">
          {list.map((d) => (
            <Tuple key={JSON.stringify([d.host, d.place, d.tuple.time, d.tuple.values])} d={d} />
          ))}
        </ol>
      )}
    </Card>
  )
}

function Tuple({ d }: { d: DeadTuple }) {
  const t = d.tuple
  const text = (key: string) => (typeof t[key] === 'string' ? (t[key] as string) : '')
  const number = (key: string) => (typeof t[key] === 'number' ? (t[key] as number) : 0)
  return (
    <li class="failure">
      <details>
        <summary>
          <span class="text">{JSON.stringify(t.values)}</span>
          <span class="facts">
            <span>{text('component')}</span>
            <b class="pin">{text('reason') || text('cause')}</b>
            {number('attempts') > 0 && <span>{count(number('attempts'))} attempts</span>}
            <span>{d.host}</span>
            {text('time') && <time dateTime={text('time')}>{since(text('time'), now.value)} ago</time>}
          </span>
        </summary>
        <pre tabIndex={0}>{JSON.stringify(t, null, 2)}</pre>
      </details>
    </li>
  )
}
