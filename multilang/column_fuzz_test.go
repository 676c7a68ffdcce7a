package multilang

import "testing"

// A column that has passed its check can be cut, joined, spread and sent at
// either level, and every row stays what it was.
func FuzzColumn(f *testing.F) {
	s := fuzzSeeds(f)
	for i, c := range s.columns {
		f.Add(byte(c.Kind), uint16(c.N-1), unhex(c.Data), uint16(i*7919))
	}
	for _, c := range []struct {
		kind Kind
		n    int
		data string
	}{{KindNil, 1, "00"}, {KindBool, 2, "0002"}, {KindBool, 2, "00"}, {KindInt, 1, "00"}, {KindStr, 2, "ff00ff"}, {KindText, 2, "01000000"}, {KindText, 1, "02000000c3"}, {KindText, 1, "01000000ff"},
		{KindText, 1, "00000000ff"}, {KindBin, 2, "ffffffffffffffff"}, {KindAny, 2, "c0"}, {KindAny, 1, "c0c0"}, {KindAny, 1, "ddffffffff"}, {KindJSON, 2, "310a32"}, {KindJSON, 1, "310a32"}, {KindJSON, 2, "31"},
		{KindJSON, 1, "2d30"}, {KindJSON, 2, "310a6e756c6c"}, {KindInt | Nullable, 9, "01"}, {KindAny | Nullable, 1, "00c0"}, {KindBool | Nullable, 2, "020100"}, {KindText | Nullable, 2, "01000000000100000061"}, {99, 1, ""},
		{KindAny, 3, "a1ff01a161"}, {KindAny, 3, "a161a3610062c0"}, {KindAny, 4, "c0c3c0c2"}, {KindAny, 3, "c0cb3ff8000000000000c0"}, {KindAny, 3, "c0c401ffc0"}, {KindAny, 2, "c090"}, {KindAny, 3, "01c0a161"}, {KindAny, 2, "a16190"}} {
		f.Add(byte(c.kind), uint16(c.n-1), unhex(c.data), uint16(c.n*31))
	}
	f.Fuzz(func(t *testing.T, kind byte, rows uint16, data []byte, pick uint16) {
		c, n := Column{Kind(kind), data}, int(rows)%1000+1
		if c.Check(n) != nil {
			return
		}
		want := c.Values(n)
		var x Index
		x.Set(c, n)
		equal := func(what string, got Column, from, n int) {
			t.Helper()
			if err := got.Check(n); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			for i, v := range got.Values(n) {
				if !same(v, want[from+i]) {
					t.Fatalf("%s: row %d is %v, was %v", what, from+i, v, want[from+i])
				}
			}
		}
		k := int(pick)%n + 1
		equal("front", x.Slice(0, k), 0, k)
		if k < n {
			equal("back", x.Slice(k, n), k, n-k)
		}
		if x.Bytes(0, k) < 0 || x.Bytes(0, n) < x.Bytes(0, k) {
			t.Errorf("%d rows take %d bytes, %d take %d", n, x.Bytes(0, n), k, x.Bytes(0, k))
		}
		equal("without JSON", c.WithoutJSON(n), 0, n)
		fuzzBuilders(t, c, &x, n, k, want, equal)
		fuzzScatter(t, &x, n, pick, want)
		fuzzRows(t, c, &x, n, equal)
	})
}

// fuzzBuilders puts a column together again: in two pieces, row by row, and value by value.
func fuzzBuilders(t *testing.T, c Column, x *Index, n, k int, want []any, equal func(string, Column, int, int)) {
	t.Helper()
	var pieces, rows, values Builder
	pieces.AddColumn(x.Slice(0, k), k)
	if k < n {
		pieces.AddColumn(x.Slice(k, n), n-k)
	}
	for i := range n {
		rows.Add(x, i)
		values.AddValue(x.AppendValue(nil, i))
	}
	for what, b := range map[string]*Builder{"joined": &pieces, "row by row": &rows, "value by value": &values} {
		if b.Len() != n || b.Size() < 0 {
			t.Fatalf("%s: %d rows of %d, %d bytes", what, b.Len(), n, b.Size())
		}
		equal(what, b.Column(), 0, n)
		r := reader{b: b.AppendExt(nil)}
		typ, data := r.ext("column")
		if col := b.Column(); r.err != nil || r.pos != len(r.b) || Kind(typ) != col.Kind || string(data) != string(col.Data) {
			t.Fatalf("%s: as an ext it is %d % x, %v", what, typ, data, r.err)
		}
	}
	// A column that comes after rows of another kind.
	var mixed Builder
	mixed.AddValue(AppendInt(nil, 1))
	mixed.AddColumn(c, n)
	mixed.AddValue(AppendNil(nil))
	col := mixed.Column()
	if err := col.Check(n + 2); err != nil {
		t.Fatalf("mixed: %v", err)
	}
	for i, v := range col.Values(n + 2)[1 : n+1] {
		if !same(v, want[i]) {
			t.Fatalf("mixed: row %d is %v, was %v", i, v, want[i])
		}
	}
	mixed.Reset()
	if mixed.Len() != 0 {
		t.Error("a reset builder has rows")
	}
}

// fuzzScatter spreads the rows over three builders, one of which may have rows of another kind.
func fuzzScatter(t *testing.T, x *Index, n int, pick uint16, want []any) {
	t.Helper()
	to := []*Builder{{}, {}, {}}
	extra := [3]int{}
	if pick%3 == 0 {
		to[1].AddValue(AppendInt(nil, 7))
		extra[1] = 1
	}
	targets := make([]uint16, n)
	rows := [3][]any{}
	for i := range targets {
		h, _ := x.Hash(i, nil)
		targets[i] = uint16((h + uint64(pick)) % 3)
		rows[targets[i]] = append(rows[targets[i]], want[i])
	}
	x.Scatter(targets, to)
	for k, b := range to {
		if b.Len() == 0 {
			continue
		}
		col := b.Column()
		if err := col.Check(b.Len()); err != nil {
			t.Fatalf("scattered: %v", err)
		}
		for i, v := range col.Values(b.Len())[extra[k]:] {
			if !same(v, rows[k][i]) {
				t.Fatalf("scattered: row %d of %d is %v, was %v", i, k, v, rows[k][i])
			}
		}
	}
}

// fuzzRows sends a column through both levels.
func fuzzRows(t *testing.T, c Column, x *Index, n int, equal func(string, Column, int, int)) {
	t.Helper()
	body, _ := AppendRows(nil, n, []Column{c}, nil)
	d := Decoder{Level: Rows, Fields: []int{1}}
	head := AppendUint(AppendUint(append(AppendArray(nil, 5), TypeReply), 1), 0)
	group := AppendNil(AppendUint(AppendUint(AppendUint(AppendArray(AppendArray(AppendUint(head, 0), 1), 5), 0), uint64(n)), 0))
	var m FromChild
	if err := d.Decode(append(group, body...), &m); err != nil {
		t.Fatalf("as rows: %v", err)
	}
	equal("as rows", m.Groups[0].Cols[0], 0, n)
	var to ToChild
	if err := to.Decode(AppendColumns(AppendDataHead(nil, 1, 0, 1, n, false), []Column{c})); err != nil {
		t.Fatalf("as columns: %v", err)
	}
	equal("as columns", to.Cols[0], 0, n)
	if x.Nullable() != (c.Kind&Nullable != 0) || x.Kind() != c.Kind&^Nullable {
		t.Errorf("kind %d is indexed as %d", c.Kind, x.Kind())
	}
}
