// Small pieces that all pages use.
import type { ComponentChildren } from 'preact'
import { computed, effect, signal } from '@preact/signals'
import type { Level } from './store'

export const theme = signal<'auto' | 'light' | 'dark'>((localStorage.getItem('polybolt-theme') as 'light' | 'dark' | null) ?? 'auto')

const system = matchMedia('(prefers-color-scheme: dark)')
const systemIsDark = signal(system.matches)
system.addEventListener('change', () => (systemIsDark.value = system.matches))

/** dark says which colours are shown: those that the reader has chosen, or else the system's. */
export const dark = computed(() => (theme.value === 'auto' ? systemIsDark.value : theme.value === 'dark'))
effect(() => {
  document.documentElement.dataset.theme = dark.value ? 'dark' : 'light'
})

export function cycleTheme() {
  theme.value = theme.value === 'auto' ? 'dark' : theme.value === 'dark' ? 'light' : 'auto'
  if (theme.value === 'auto') localStorage.removeItem('polybolt-theme')
  else localStorage.setItem('polybolt-theme', theme.value)
}

const marks: Record<Level, string> = { ok: 'M3 8.5 6.5 12 13 4.5', warn: 'M8 3v6M8 12v.5', bad: 'M4 4l8 8M12 4l-8 8', idle: 'M4 8h8' }

/** Mark shows a level by colour and by shape. */
export function Mark({ level }: { level: Level }) {
  return (
    <svg class={`mark ${level}`} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path d={marks[level]} fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  )
}

export function Badge({ level, children }: { level: Level; children: ComponentChildren }) {
  return (
    <span class={`badge ${level}`}>
      <Mark level={level} />
      {children}
    </span>
  )
}

export function Tile({ name, value, note, level }: { name: string; value: string; note?: string; level?: Level }) {
  return (
    <div class={`tile ${level ?? ''}`}>
      <dt>{name}</dt>
      <dd>
        <span class="value">{value}</span>
        {note && <span class="note">{note}</span>}
      </dd>
    </div>
  )
}

export function Card({ title, aside, children, id }: { title: string; aside?: ComponentChildren; children: ComponentChildren; id?: string }) {
  const heading = `h-${id ?? title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`
  return (
    <section class="card" aria-labelledby={heading} id={heading.slice(2)}>
      <header>
        <h2 id={heading}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  )
}

export interface Column<T> {
  name: string
  of: (row: T) => ComponentChildren
  num?: boolean
  key?: (row: T) => number | string
}

const order = signal<Record<string, { by: string; down: boolean }>>({})

/** Table is sorted by the column whose head is clicked, if it has a key. */
export function Table<T>({ label, rows, columns, id, empty }: { label: string; rows: T[]; columns: Column<T>[]; id: (row: T) => string; empty: string }) {
  if (rows.length === 0) return <p class="empty">{empty}</p>
  const sort = order.value[label]
  const by = columns.find((c) => c.name === sort?.by)?.key
  const shown = by
    ? [...rows].sort((a, b) => {
        const [x, y] = [by(a), by(b)]
        return (x < y ? -1 : x > y ? 1 : 0) * (sort!.down ? -1 : 1)
      })
    : rows
  const turn = (c: Column<T>) => {
    const down = sort?.by === c.name ? !sort.down : c.num === true
    order.value = { ...order.value, [label]: { by: c.name, down } }
  }
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((c) => (
              <th scope="col" class={c.num ? 'num' : ''} aria-sort={sort?.by === c.name ? (sort.down ? 'descending' : 'ascending') : undefined}>
                {c.key ? (
                  <button class="plain" onClick={() => turn(c)}>
                    {c.name}
                    <span aria-hidden="true">{sort?.by === c.name ? (sort.down ? ' ↓' : ' ↑') : ''}</span>
                  </button>
                ) : (
                  c.name
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((r) => (
            <tr key={id(r)}>
              {columns.map((c) => (
                <td class={c.num ? 'num' : ''}>{c.of(r)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Notice says something that matters now. */
export function Notice({ level, children, live }: { level: Level; children: ComponentChildren; live?: boolean }) {
  return (
    <div class={`notice ${level}`} role={live ? 'status' : undefined}>
      <Mark level={level} />
      <div>{children}</div>
    </div>
  )
}
