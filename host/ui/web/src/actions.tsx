// Changes of a topology. Each is confirmed in a dialog that says what it does.
import { signal } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ComponentChildren } from 'preact'
import { isRun, post, session, topologyPath } from './api'
import { plural } from './format'
import { Notice } from './parts'
import type { Accepted, Definition, Status } from './types'

type Verb = 'activate' | 'deactivate' | 'rebalance' | 'rollback' | 'kill'

const asked = signal<Verb | null>(null)

/** What the last change was answered with; shown until the next. */
export const said = signal<{ name: string; ok: boolean; text: string } | null>(null)

const second = 1e9

/** Actions are the buttons of a topology's changes. */
export function Actions({ status }: { status: Status }) {
  const may = session.value?.me.role !== 'viewer'
  const busy = status.change !== undefined || (isRun() && status.state === 'ending')
  const active = status.state !== 'inactive'
  const older = (status.versions ?? []).some((v) => v.number !== status.version)
  const button = (verb: Verb, text: string, able: boolean, why: string, kind = '') => (
    <button class={kind} disabled={!may || !able} title={!may ? 'A viewer changes nothing' : able ? undefined : why} onClick={() => (asked.value = verb)}>
      {text}
    </button>
  )
  const wait = 'Another change is under way'
  return (
    <div class="actions" role="group" aria-label="Changes">
      {active ? button('deactivate', 'Deactivate', !busy, wait) : button('activate', 'Activate', !busy, wait)}
      {!isRun() && button('rebalance', 'Rebalance', !busy, wait)}
      {!isRun() && button('rollback', 'Roll back', !busy && older, busy ? wait : 'There is no other version')}
      {button('kill', isRun() ? 'End' : 'Kill', status.change?.kind !== 'kill' && status.state !== 'ending', 'It is ending already', 'danger')}
    </div>
  )
}

/** Dialogs shows the dialog of the change that was asked for. */
export function Dialogs({ status, definition }: { status: Status; definition: Definition | null }) {
  switch (asked.value) {
    case 'activate':
      return <Confirm status={status} verb="activate" title="Activate" text="Its spouts begin to emit again." body={() => ({ verb: 'activate' })} />
    case 'deactivate':
      return (
        <Confirm status={status} verb="deactivate" title="Deactivate" text="Its spouts stop emitting; what is in flight is finished. Nothing is lost, and it can be activated again." body={() => ({ verb: 'deactivate' })} />
      )
    case 'kill':
      return isRun() ? <End status={status} /> : <Kill status={status} />
    case 'rollback':
      return <Rollback status={status} />
    case 'rebalance':
      return definition && <Rebalance status={status} definition={definition} />
  }
  return null
}

interface ConfirmProps {
  status: Status
  verb: Verb
  title: string
  text: string
  danger?: boolean
  body: (form: FormData) => unknown
  children?: ComponentChildren
}

function Confirm({ status, title, text, danger, body, children, verb }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState('')
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null
    dialog.current?.showModal()
    return () => before?.focus()
  }, [])
  const send = async (e: SubmitEvent) => {
    e.preventDefault()
    setBusy(true)
    setFailed('')
    try {
      const a = await post<Accepted>(topologyPath(status.name, '/change'), body(new FormData(e.target as HTMLFormElement)))
      said.value = { name: status.name, ok: true, text: a.text || `${title}: accepted` }
      asked.value = null
    } catch (err) {
      setFailed((err as Error).message)
      setBusy(false)
    }
  }
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" aria-describedby="dialog-text" onClose={() => (asked.value = null)}>
      <form method="dialog" onSubmit={send} data-verb={verb}>
        <h2 id="dialog-title">
          {title} <em>{status.name}</em>?
        </h2>
        <p id="dialog-text">{text}</p>
        {children}
        {failed && (
          <Notice level="bad" live>
            {failed}
          </Notice>
        )}
        <div class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class={danger ? 'danger solid' : 'primary'} disabled={busy}>
            {busy ? 'Sending…' : title}
          </button>
        </div>
      </form>
    </dialog>
  )
}

function Kill({ status }: { status: Status }) {
  return (
    <Confirm
      status={status} verb="kill" title="Kill" danger
      text={`It ends, and nothing of it is kept: its ${plural(status.workers, 'worker')}, its versions, its errors. What is in flight gets some time to finish.`}
      body={(f) => {
        const wait = String(f.get('wait') ?? '').trim()
        return wait === '' ? { verb: 'kill' } : { verb: 'kill', wait: Number(wait) * second }
      }}
    >
      <label>
        Seconds for what is in flight
        <input type="number" name="wait" min="0" max="86400" step="any" placeholder="as long as its message timeout" />
      </label>
    </Confirm>
  )
}

/** End ends a run, as Ctrl-C does. */
function End({ status }: { status: Status }) {
  return (
    <Confirm
      status={status} verb="kill" title="End" danger body={() => ({ verb: 'kill' })}
      text="As by Ctrl-C where it was started: its spouts stop, what is in flight is finished, and then this page is gone, too."
    />
  )
}

function Rollback({ status }: { status: Status }) {
  const others = [...(status.versions ?? [])].filter((v) => v.number !== status.version).sort((a, b) => b.number - a.number)
  return (
    <Confirm
      status={status} verb="rollback" title="Roll back"
      text={`Version ${status.version} is replaced by an older one, which starts beside it; it stops when that is ready.`}
      body={(f) => ({ verb: 'rollback', version: Number(f.get('version')), timeout: 60 * second, drain: 30 * second })}
    >
      <label>
        To
        <select name="version">
          {others.map((v) => (
            <option value={v.number}>
              version {v.number}, of {new Date(v.deployed).toLocaleString('en-GB')}
            </option>
          ))}
        </select>
      </label>
    </Confirm>
  )
}

function Rebalance({ status, definition }: { status: Status; definition: Definition }) {
  return (
    <Confirm
      status={status} verb="rebalance" title="Rebalance"
      text="Workers and tasks become as many as you say. Another parallelism starts a new run beside this one, which takes over when it is ready."
      body={(f) => {
        const parallelism: Record<string, number> = {}
        for (const c of definition.components) {
          const n = Number(f.get(`c-${c.id}`))
          if (n !== c.parallelism) parallelism[c.id] = n
        }
        const workers = Number(f.get('workers'))
        return {
          verb: 'rebalance', timeout: 60 * second, drain: 30 * second,
          ...(workers !== definition.workers && { workers }),
          ...(Object.keys(parallelism).length > 0 && { parallelism }),
        }
      }}
    >
      <div class="fields">
        <label>
          Workers
          <input type="number" name="workers" min="1" max="1000" required defaultValue={String(definition.workers)} />
        </label>
        {definition.components.map((c) => (
          <label>
            Tasks of {c.id}
            <input type="number" name={`c-${c.id}`} min="1" max="10000" required defaultValue={String(c.parallelism)} />
          </label>
        ))}
      </div>
    </Confirm>
  )
}
