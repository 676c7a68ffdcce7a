// What a reader of logs remembers, to go on after a break where it was: the
// counterpart of api.Resume in Go.
import type { LogLine } from './types'

const most = 10_000 // lines that may be asked for
const margin = 10_000 // milliseconds by which clocks of machines may differ

interface At {
  id: string
  time: string
}

/** Follows tells whether a line of the same place was written later: in the same file by where it is, in another by its time. */
function follows(l: At, before: At): boolean {
  const [file = '', at = ''] = l.id.split('-')
  const [was, then = ''] = before.id.split('-')
  if (file !== was) return Date.parse(l.time) >= Date.parse(before.time)
  return at.length > then.length || (at.length === then.length && at > then)
}

export class Resume {
  private latest = 0
  private places = new Map<string, At>()
  private before = new Map<string, At>()

  /** Query has a query go on after a break. */
  query(first: Record<string, string>): URLSearchParams {
    this.before = new Map(this.places)
    if (!this.latest) return new URLSearchParams(first)
    return new URLSearchParams({ ...first, since: new Date(this.latest - margin).toISOString(), tail: String(most) })
  }

  /** Fresh tells whether a line was not read before the last break, and takes it for read. */
  fresh(l: LogLine): boolean {
    if (!l.id || !l.time) return true
    const place = `${l.host} ${l.place}`
    const at = { id: l.id, time: l.time }
    const was = this.before.get(place)
    if (was && !follows(at, was)) return false
    const last = this.places.get(place)
    if (!last || follows(at, last)) this.places.set(place, at)
    this.latest = Math.max(this.latest, Date.parse(l.time))
    return true
  }
}
