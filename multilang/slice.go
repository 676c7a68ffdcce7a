package multilang

// Slice returns rows [i, j) of the indexed column, i < j. It shares memory
// with the column where it can.
func (x *Index) Slice(i, j int) Column {
	c := Column{Kind: x.kind}
	switch {
	case x.kind == KindNil:
	case x.width != 0:
		c.Data = x.data[i*x.width : j*x.width]
	case x.kind == KindText || x.kind == KindBin:
		for r := i; r < j; r++ {
			c.Data = le.AppendUint32(c.Data, uint32(len(x.Row(r))))
		}
		c.Data = append(c.Data, x.data[x.start(i):x.ends[j-1]]...)
	default:
		c.Data = x.data[x.start(i):x.ends[j-1]]
	}
	if x.nulls == nil {
		return c
	}
	bits := make([]byte, (j-i+7)/8)
	for r := i; r < j; r++ {
		if x.Null(r) {
			bits[(r-i)>>3] |= 1 << ((r - i) & 7)
		}
	}
	return Column{c.Kind | Nullable, append(bits, c.Data...)}
}

// start returns where row i of a kind without fixed width begins.
func (x *Index) start(i int) uint32 {
	if i == 0 {
		return 0
	}
	return x.ends[i-1] + uint32(x.gap)
}

// Bytes returns about how many bytes rows [i, j) take.
func (x *Index) Bytes(i, j int) int {
	switch {
	case x.kind == KindNil || i == j:
		return 0
	case x.width != 0:
		return (j - i) * x.width
	}
	return int(x.ends[j-1]-x.start(i)) + 4*(j-i)
}

// Scatter appends each row of the indexed column to the builder that its
// target names: row r to to[targets[r]]. It is the inner loop of a grouping.
func (x *Index) Scatter(targets []uint16, to []*Builder) {
	for _, b := range to {
		if b != nil && b.n == 0 && x.nulls == nil {
			b.kind = x.kind
		}
	}
	for _, b := range to {
		if b != nil && (b.kind != x.kind || b.nulls != nil || x.nulls != nil) {
			for r, t := range targets {
				to[t].Add(x, r)
			}
			return
		}
	}
	switch {
	case x.kind == KindStr:
		x.scatterStr(targets, to)
	case x.width == 8:
		for r, t := range targets {
			b := to[t]
			b.data = append(b.data, x.data[8*r:8*r+8]...)
			b.n++
		}
	default:
		for r, t := range targets {
			to[t].put(x.Row(r))
		}
	}
}

func (x *Index) scatterStr(targets []uint16, to []*Builder) {
	data, at := x.data, uint32(0)
	last := len(targets) - 1
	for r, t := range targets {
		b, end := to[t], x.ends[r]
		if r < last { // the separator comes along
			b.data = append(b.data, data[at:end+1]...)
		} else {
			b.data = append(append(b.data, data[at:end]...), 0)
		}
		b.n++
		at = end + 1
	}
}
