package multilang

import "fmt"

// AppendDataHead appends a data message up to its body. Rows or columns follow
// ([AppendRows], [AppendColumns]), then, if runs is set, the u32s of runs.
func AppendDataHead(dst []byte, seq uint32, input, task, n int, runs bool) []byte {
	size := 6
	if runs {
		size = 7
	}
	dst = AppendUint(append(AppendArray(dst, size), TypeData), uint64(seq))
	dst = AppendUint(AppendUint(dst, uint64(input)), uint64(task))
	return AppendUint(dst, uint64(n))
}

// AppendColumns appends a body of level columns.
func AppendColumns(dst []byte, cols []Column) []byte {
	dst = AppendArray(dst, len(cols))
	for _, c := range cols {
		dst = c.AppendExt(dst)
	}
	return dst
}

// AppendRows appends n rows of cols as a body of level rows. scratch may be
// nil; it is grown and returned for the next call.
func AppendRows(dst []byte, n int, cols []Column, scratch []Index) ([]byte, []Index) {
	for len(scratch) < len(cols) {
		scratch = append(scratch, Index{})
	}
	for k, c := range cols {
		scratch[k].Set(c, n)
	}
	dst = AppendArray(dst, n)
	for i := range n {
		dst = AppendArray(dst, len(cols))
		for k := range cols {
			dst = scratch[k].AppendValue(dst, i)
		}
	}
	return dst, scratch
}

// AppendNext appends a next message.
func AppendNext(dst []byte, seq uint32, rows, size int) []byte {
	dst = AppendUint(append(AppendArray(dst, 4), TypeNext), uint64(seq))
	return AppendUint(AppendUint(dst, uint64(rows)), uint64(size))
}

// AppendOutcome appends an outcome message.
func AppendOutcome(dst []byte, acked, failed, dead []uint32) []byte {
	dst = append(AppendArray(dst, 4), TypeOutcome)
	return AppendU32s(AppendU32s(AppendU32s(dst, acked), failed), dead)
}

// AppendSignal appends a message that is its type alone: start, activate,
// deactivate, tick.
func AppendSignal(dst []byte, typ byte) []byte { return append(AppendArray(dst, 1), typ) }

// AppendLeft appends what a spout says before it exits: how many of its rows
// failed and came to nothing.
func AppendLeft(dst []byte, n int) []byte {
	return AppendUint(append(AppendArray(dst, 2), TypeLeft), uint64(n))
}

// AppendTasks appends the answer to a group that asked for its task ids.
func AppendTasks(dst []byte, request uint32, tasks []uint32) []byte {
	dst = AppendUint(append(AppendArray(dst, 3), TypeTasks), uint64(request))
	return AppendU32s(dst, tasks)
}

// AppendStop appends a stop message with its deadline in milliseconds.
func AppendStop(dst []byte, deadline int64) []byte {
	return AppendInt(append(AppendArray(dst, 2), TypeStop), deadline)
}

// AppendLevel appends a level message; levels are those of log messages.
func AppendLevel(dst []byte, level int) []byte {
	return AppendInt(append(AppendArray(dst, 2), TypeLevel), int64(level))
}

// ToChild is a message to a child, as a child written in Go reads it.
type ToChild struct {
	Type  int
	Seq   uint32 // data, next; tasks: the request
	Input int    // data
	Task  int    // data
	N     int    // data: rows; next: rows; stop: milliseconds; level
	Bytes int    // next
	Runs  U32s   // data
	Cols  []Column
	Acked, Failed, Dead,
	Tasks U32s
	Welcome *Welcome
}

// Decode reads a message of level columns. Slices alias body.
func (m *ToChild) Decode(body []byte) error {
	r := reader{b: body}
	size := r.array("message")
	*m = ToChild{Type: r.uint("type", 1<<16), Cols: m.Cols[:0]}
	switch m.Type {
	case TypeWelcome:
		m.Welcome = new(Welcome)
		r.typed(m.Welcome)
	case TypeData:
		m.data(&r, size)
	case TypeNext:
		m.Seq, m.N, m.Bytes = uint32(r.uint("seq", 1<<32-1)), r.uint("rows", 1<<31), r.uint("bytes", 1<<31)
	case TypeOutcome:
		m.Acked, m.Failed, m.Dead = r.u32s("acked", 1), r.u32s("failed", 1), r.u32s("dead", 1)
	case TypeTasks:
		m.Seq, m.Tasks = uint32(r.uint("request", 1<<32-1)), r.u32s("tasks", 1)
	case TypeStop:
		m.N = r.uint("deadline", 1<<40)
	case TypeLevel:
		m.N = r.uint("level", 4)
	case TypeStart, TypeActivate, TypeDeactivate, TypeTick:
	default:
		if m.Type < TypeOptional {
			r.fail(fmt.Sprintf("message of unknown type %d", m.Type))
		}
	}
	return r.err
}

func (m *ToChild) data(r *reader, size int) {
	m.Seq, m.Input, m.Task = uint32(r.uint("seq", 1<<32-1)), r.uint("input", 1<<16), r.uint("task", 1<<31-1)
	m.N = r.uint("rows", MaxFrameRows)
	m.Cols = r.columns(m.Cols, m.N)
	if size > 6 {
		m.Runs = r.u32s("runs", 2)
	}
}

// columns reads a body of level columns and checks each column.
func (r *reader) columns(cols []Column, n int) []Column {
	fields := r.array("body")
	if fields > MaxFields {
		r.fail(fmt.Sprintf("%d columns", fields))
	}
	if n == 0 && fields > 0 {
		r.fail("columns without rows")
	}
	for i := 0; i < fields && r.err == nil; i++ {
		typ, data := r.ext("column")
		c := Column{Kind(typ), data}
		if r.err == nil {
			if err := c.Check(n); err != nil {
				r.err = fmt.Errorf("column %d: %w", i, err)
			}
		}
		cols = append(cols, c)
	}
	return cols
}
