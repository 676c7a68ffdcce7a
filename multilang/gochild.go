package multilang

// What a child written in Go writes. The host's tests and benchmarks have such
// children; the SDKs of other languages write the same bytes.

// AppendReply appends a reply of level columns that covers n rows of frame
// seq from row first on.
func AppendReply(dst []byte, m *FromChild) []byte {
	size := 5
	side := sideEntries(m)
	if side > 0 {
		size = 6
	}
	dst = AppendUint(append(AppendArray(dst, size), TypeReply), uint64(m.Seq))
	dst = AppendUint(AppendUint(dst, uint64(m.First)), uint64(m.N))
	dst = appendGroups(dst, m.Groups)
	if side > 0 {
		dst = appendSide(AppendMap(dst, side), m)
	}
	return dst
}

// AppendSpoutRows appends a rows message of level columns.
func AppendSpoutRows(dst []byte, m *FromChild) []byte {
	dst = AppendUint(append(AppendArray(dst, 5), TypeRows), uint64(m.Seq))
	dst = AppendUint(AppendBool(dst, m.Final), uint64(m.First))
	return appendGroups(dst, m.Groups)
}

func appendGroups(dst []byte, groups []Group) []byte {
	dst = AppendArray(dst, len(groups))
	for i := range groups {
		g := &groups[i]
		options := 0
		for _, set := range []bool{len(g.Direct) > 0, len(g.Multi) > 0, g.IDs >= 0} {
			if set {
				options++
			}
		}
		size := 5
		if options > 0 {
			size = 6
		}
		dst = AppendUint(AppendArray(dst, size), uint64(g.Stream))
		dst = AppendUint(AppendUint(dst, uint64(g.N)), uint64(g.How))
		if g.How == AnchorNone || g.How == AnchorEach {
			dst = AppendNil(dst)
		} else {
			dst = AppendBin(dst, g.Anchors)
		}
		dst = AppendColumns(dst, g.Cols)
		if options > 0 {
			dst = appendOptions(AppendMap(dst, options), g)
		}
	}
	return dst
}

func appendOptions(dst []byte, g *Group) []byte {
	if len(g.Direct) > 0 {
		dst = AppendBin(AppendStr(dst, "direct"), g.Direct)
	}
	if len(g.Multi) > 0 {
		dst = AppendArray(AppendStr(dst, "multi"), len(g.Multi))
		for _, m := range g.Multi {
			dst = AppendBin(AppendUint(AppendArray(dst, 2), uint64(m.Row)), m.Refs)
		}
	}
	if g.IDs >= 0 {
		dst = AppendUint(AppendStr(dst, "ids"), uint64(g.IDs))
	}
	return dst
}

func sideEntries(m *FromChild) int {
	n := 0
	for _, k := range []int{len(m.Failed), len(m.Held), len(m.Acked), len(m.Late)} {
		if k > 0 {
			n++
		}
	}
	if m.Took > 0 {
		n++
	}
	return n
}

func appendSide(dst []byte, m *FromChild) []byte {
	if len(m.Failed) > 0 {
		dst = AppendArray(AppendStr(dst, "failed"), len(m.Failed))
		for _, f := range m.Failed {
			dst = appendError(AppendUint(AppendArray(dst, 2), uint64(f.Row)), &f.Err)
		}
	}
	if len(m.Held) > 0 {
		dst = AppendBin(AppendStr(dst, "held"), m.Held)
	}
	if len(m.Acked) > 0 {
		dst = AppendBin(AppendStr(dst, "acked"), m.Acked)
	}
	if len(m.Late) > 0 {
		dst = AppendArray(AppendStr(dst, "late"), len(m.Late))
		for _, f := range m.Late {
			dst = AppendUint(AppendUint(AppendArray(dst, 3), uint64(f.Seq)), uint64(f.Row))
			dst = appendError(dst, &f.Err)
		}
	}
	if m.Took > 0 {
		dst = AppendUint(AppendStr(dst, "took"), uint64(m.Took))
	}
	return dst
}

func appendError(dst []byte, e *Error) []byte {
	dst = AppendMap(dst, 5)
	dst = AppendStr(AppendStr(dst, "kind"), e.Kind)
	dst = AppendStr(AppendStr(dst, "type"), e.Type)
	dst = AppendStr(AppendStr(dst, "message"), e.Message)
	dst = AppendStr(AppendStr(dst, "traceback"), e.Traceback)
	return AppendStr(AppendStr(dst, "place"), e.Place)
}

// AppendLog appends a log message.
func AppendLog(dst []byte, level int, text, logger string) []byte {
	dst = AppendUint(append(AppendArray(dst, 4), TypeLog), uint64(level))
	return AppendStr(AppendStr(dst, text), logger)
}

// AppendError appends an error that belongs to no row.
func AppendError(dst []byte, e *Error) []byte {
	return appendError(append(AppendArray(dst, 2), TypeError), e)
}

// AppendMetrics appends a metric message.
func AppendMetrics(dst []byte, metrics []Metric) []byte {
	dst = AppendArray(append(AppendArray(dst, 2), TypeMetric), len(metrics))
	for _, m := range metrics {
		dst = AppendStr(AppendStr(AppendArray(dst, 3), m.Name), m.Kind)
		if m.Kind == "histogram" {
			dst = AppendArray(dst, len(m.Values))
		}
		for _, v := range m.Values {
			dst = AppendFloat(dst, v)
		}
	}
	return dst
}
