package multilang

import (
	"bytes"
	"testing"
)

// A message from a child that is decoded holds columns that can be relied on,
// and says the same when it is written again.
func FuzzFromChild(f *testing.F) {
	s := fuzzSeeds(f)
	for _, m := range s.messages {
		f.Add(true, unhex(m.Frame))
		if m.From == "child" {
			f.Add(false, asRows(unhex(m.Frame)))
		}
	}
	for _, b := range s.bad {
		f.Add(false, unhex(b))
		f.Add(true, unhex(b))
	}
	for _, x := range oddFromChild {
		f.Add(true, unhex(x))
		f.Add(false, unhex(x))
	}
	f.Fuzz(func(t *testing.T, columns bool, b []byte) {
		d := Decoder{Level: Rows, Fields: []int{2, 1}}
		if columns {
			d.Level = Columns
		}
		var m FromChild
		err := d.Decode(b, &m)
		seq, first, n, ok := ReplyHead(b)
		if err != nil {
			return
		}
		if m.Type == TypeReply && (!ok || seq != m.Seq || first != m.First || n != m.N) {
			t.Errorf("the head is %d %d %d %v, the message %d %d %d", seq, first, n, ok, m.Seq, m.First, m.N)
		}
		for i := range m.Groups {
			checkGroup(t, &d, &m.Groups[i])
		}
		once := writeAgain(&m)
		if once == nil {
			return
		}
		var m2 FromChild
		d.Level = Columns
		if err := d.Decode(once, &m2); err != nil {
			t.Fatalf("what was written again: %v", err)
		}
		if twice := writeAgain(&m2); !bytes.Equal(once, twice) {
			t.Errorf("written once:\n% x\ntwice:\n% x", once, twice)
		}
	})
}

func checkGroup(t *testing.T, d *Decoder, g *Group) {
	t.Helper()
	if g.N < 1 || g.Stream < 0 || g.Stream >= len(d.Fields) || len(g.Cols) != d.Fields[g.Stream] {
		t.Fatalf("group of %d rows on stream %d with %d columns", g.N, g.Stream, len(g.Cols))
	}
	for k, c := range g.Cols {
		if err := c.Check(g.N); err != nil {
			t.Errorf("column %d: %v", k, err)
		}
	}
	for _, x := range g.Multi {
		if x.Row >= g.N || x.Refs.Len()%2 != 0 {
			t.Errorf("multi of row %d with %d numbers", x.Row, x.Refs.Len())
		}
	}
	if g.Direct.Len() != 0 && g.Direct.Len() != g.N || g.IDs >= 0 && g.N != 1 {
		t.Errorf("%d rows, %d tasks, ids %d", g.N, g.Direct.Len(), g.IDs)
	}
}

// writeAgain writes the messages that carry rows, an error or metrics.
func writeAgain(m *FromChild) []byte {
	switch m.Type {
	case TypeReply:
		return AppendReply(nil, m)
	case TypeRows:
		return AppendSpoutRows(nil, m)
	case TypeError:
		return AppendError(nil, &m.Err)
	case TypeMetric:
		return AppendMetrics(nil, m.Metric)
	case TypeLog:
		return AppendLog(nil, m.Level, m.Text, m.Logger)
	}
	return nil
}

// asRows turns a message of level columns into one of level rows.
func asRows(b []byte) []byte {
	for _, fields := range [][]int{{2, 1}, {1, 1}} {
		var m FromChild
		d := Decoder{Level: Columns, Fields: fields}
		if d.Decode(b, &m) != nil || len(m.Groups) == 0 {
			continue
		}
		whole := writeAgain(&m)
		for i := range m.Groups {
			g := &m.Groups[i]
			rows, _ := AppendRows(nil, g.N, g.Cols, nil)
			whole = bytes.Replace(whole, AppendColumns(nil, g.Cols), rows, 1)
		}
		return whole
	}
	return b
}

// Messages that go wrong in places which the vectors do not reach.
var oddFromChild = []string{
	"9103", "950301000190", "95030100019195000100c091d40561", "96030100019081a466616c6c01", "96030100019081a56c617465919101", "96030100019081a46c61746591930100", "96030100019081a6666961696c6564c0",
	"96030100019081a66661696c656491910180", "96030100019081a66661696c65649192008181a46b696e64a161", "96030100019081a468656c64c403010203", "96030100019081a561636b6564c40401000000", "96030100019081a464656c61c0",
	"950301000191960101" + "00c091d4056181a66469726563" + "74c40401000000", "950301000191960101" + "00c091d4056181a6646972656374c40801000000" + "01000000", "950301000191960101" + "00c091d4056181a56d756c74699192" + "00c408" + "0100000000000000",
	"950301000191960101" + "00c091d4056181a56d756c746991" + "9100", "950301000191960101" + "00c091d4056181a56d756c746991920" + "5c0", "950301000191960101" + "00c091d4056181a369647307", "950301000191960102" + "00c091d505006181a369647307",
	"950301000191960101" + "00c091d4056181a161c0", "9503010001919501" + "0003c40401000000" + "91d40561", "95030100019195010000c090", "9503010001919501" + "0100c090", "9503010001919501" + "0100c092d40561d40561",
	"950301000191950101" + "00c09191a161", "950301000191950102" + "00c09191a161", "950301000191950101" + "00c09192a161a161", "950301000191950101" + "00c091a161", "95030100019195010100c091c40161", "9503010001" + "9195050100c090", "95030100ff90",
	"9504c3c30090", "950401c20090", "950401c0c090", "9306cc0361", "930602a161", "93060202", "940602c401ffa161", "930609a161", "92078166c0", "9207" + "8101a161", "920783a474797065a161a5706c616365a162a9747261636562616368a163",
	"92089193a168a9686973746f6772616d9201cb3ff8000000000000", "92089193a168a9686973746f6772616d01", "92089193a168a5677567656501", "92089193a168a56761756765a161", "92089193a168a56761756765", "92089192a168a5", "92089193a1680101",
	"920181a776657273696f6ea161", "9201c0", "920281a77265706c617973c3", "91cd0100", "9140", "9128", "91c0", "c0", "", "9105", "9109", "95dd", "96cf7fffffffffffffff", "9503cf7fffffffffffffff00", "9503ff000190", "9503a161",
	"92089193a168a567617567656cca3fc00000", "92089193a168a56761756765ca3fc00000", "9208de0001", "920881", "9207df00000001a46b696e64a161", "9207dfffffffff", "9207de0001a46b696e64a161", "9207dd00000001", "9208dd0000000193a168a5676175676501", "9208dc000193a168a5676175676501",
	"950301000191950100" + "03c7", "9503010001919501" + "0100c091c80001" + "0561", "95030100019195010100c091c9000000010561", "95030100019195010100c091c9", "95030100019195010100c091c7010561", "95030100019195010100c091d6", "95030100019195010100c091c0",
}

// A message to a child that is decoded holds columns that can be relied on.
func FuzzToChild(f *testing.F) {
	s := fuzzSeeds(f)
	for _, b := range s.all() {
		f.Add(b)
	}
	for _, x := range []string{"920aff", "9205c40101", "9405c40401000000c0c0", "9409", "92090c", "930901c40107", "9703010001" + "0191d40561c404" + "01000000", "970301000101" + "91d40561c40801000000" + "01000000", "920b05", "91cc80", "910c", "9101", "9201a161", "96030100010100"} {
		f.Add(unhex(x))
	}
	var wide []byte
	wide = AppendArray(AppendDataHead(wide, 1, 0, 1, 1, false), MaxFields+1)
	f.Add(wide)
	f.Fuzz(func(t *testing.T, b []byte) {
		var m ToChild
		if m.Decode(b) != nil {
			return
		}
		if len(m.Cols) > MaxFields {
			t.Errorf("%d columns", len(m.Cols))
		}
		for k, c := range m.Cols {
			if err := c.Check(m.N); err != nil {
				t.Errorf("column %d: %v", k, err)
			}
		}
		if m.Type == TypeWelcome {
			if _, err := AppendTyped(nil, TypeWelcome, m.Welcome); err != nil {
				t.Errorf("the welcome cannot be written again: %v", err)
			}
		}
	})
}
