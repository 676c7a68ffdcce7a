// Histograms of durations, as host/metrics has them: fixed buckets, which add up.

export interface Histogram {
  sum: number
  first?: number // the bucket that counts begins with
  counts: number[] | null
}

const unit = 64 // nanoseconds: the width of the first buckets

/** Bound is where a bucket begins. */
function bound(bucket: number): number {
  if (bucket < 8) return bucket * unit
  const e = Math.floor(bucket / 4) - 1
  return (4 + (bucket % 4)) * 2 ** e * unit
}

/** Sum adds up histograms, bucket by bucket. */
export class Sum {
  private counts: number[] = []
  total = 0

  /** Add adds what came since an earlier state of the same histogram. */
  add(h: Histogram, before?: Histogram) {
    h.counts?.forEach((n, i) => {
      const at = (h.first ?? 0) + i
      const d = n - Math.max(before?.counts?.[at - (before.first ?? 0)] ?? 0, 0)
      if (d > 0) {
        this.counts[at] = (this.counts[at] ?? 0) + d
        this.total += d
      }
    })
  }

  /** Quantile is what the share q does not exceed; null if there is nothing. */
  quantile(q: number): number | null {
    if (this.total === 0) return null
    let below = 0
    for (let b = 0; b < this.counts.length; b++) {
      const n = this.counts[b] ?? 0
      if (n > 0 && below + n >= q * this.total) return bound(b) + ((bound(b + 1) - bound(b)) * Math.max(q * this.total - below, 0)) / n
      below += n
    }
    return null
  }
}

export const stages = ['queue', 'encode', 'pipe', 'user', 'tree'] as const
export type Stage = (typeof stages)[number]

/** Spread is how long something took: the median, and what a tenth and a hundredth exceed. */
export interface Spread {
  p50: number
  p90: number
  p99: number
}

export function spread(s: Sum | undefined): Spread | undefined {
  if (!s || s.total === 0) return undefined
  return { p50: s.quantile(0.5)!, p90: s.quantile(0.9)!, p99: s.quantile(0.99)! }
}
