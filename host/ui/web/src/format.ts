// How figures are written.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** Count writes a whole number. */
export function count(n: number): string {
  return whole.format(n)
}

/** Short writes a number in at most four digits or so. */
export function short(n: number): string {
  if (Number.isNaN(n)) return '–'
  if (n === 0) return '0'
  if (n < 10) return n.toFixed(1).replace(/\.0$/, '')
  for (const [size, unit] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (n >= size * 0.9995) return (n / size).toPrecision(3).replace(/\.?0+$/, (z) => (z.includes('.') ? '' : z)) + unit
  }
  return n.toFixed(0)
}

export function rate(n: number): string {
  if (Number.isNaN(n)) return '–'
  return `${short(n)}/s`
}

/** Cores writes how much of processors is used. */
export function cores(n: number): string {
  return n < 0.005 ? '0' : n.toFixed(2)
}

/** Span writes a duration of some nanoseconds. */
export function span(ns: number | undefined): string {
  if (!ns) return '–'
  const ms = ns / 1e6
  const [few, more] = [Number((ms * 1000).toPrecision(2)), Number(ms.toPrecision(3))] // what rounds up to a unit's end is one of the next
  if (few < 1000) return `${few} µs`
  if (more < 1000) return `${more} ms`
  if (ms < 120_000) return `${Number((ms / 1000).toPrecision(3))} s`
  return age(ms)
}

/** Age writes how long some milliseconds are, coarsely. */
export function age(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  if (s < 100) return `${s} s`
  const m = Math.floor(s / 60)
  if (m < 100) return `${m} min`
  const h = Math.floor(m / 60)
  if (h < 48) return `${h} h ${m % 60} min`
  return `${Math.floor(h / 24)} d ${h % 24} h`
}

export function since(time: string | undefined, now: number): string {
  const t = time ? Date.parse(time) : NaN
  return t > 0 ? age(now - t) : '–'
}

export function clock(time: string | undefined): string {
  if (!time) return ''
  const d = new Date(time)
  return d.toLocaleTimeString('en-GB', { hour12: false }) + '.' + String(d.getMilliseconds()).padStart(3, '0')
}

export function date(time: string): string {
  return new Date(time).toLocaleString('en-GB', { hour12: false, dateStyle: 'medium', timeStyle: 'medium' })
}

export function bytes(n: number): string {
  for (const [size, unit] of [
    [1 << 30, 'GiB'],
    [1 << 20, 'MiB'],
    [1 << 10, 'KiB'],
  ] as const) {
    if (n >= size) return `${Number((n / size).toPrecision(3))} ${unit}`
  }
  return `${n} B`
}

export function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`
}
