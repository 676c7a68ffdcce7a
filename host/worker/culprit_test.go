package worker

import (
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/multilang"
)

// What is told of a tuple is its values in order, within bounds.
func TestCulprit(t *testing.T) {
	t.Parallel()
	f := newFixture(t, tapTopology)
	b := stream.NewBatch(&stream.Source{Component: "a", Stream: "s", Fields: []string{"z", "b"}})
	for _, text := range []string{"one", strings.Repeat("x", 9000), strings.Repeat("ü", maxTapTuple)} {
		b.Builders()[0].AddValue(multilang.AppendStr(nil, text))
		b.Builders()[1].AddValue(multilang.AppendBin(nil, []byte{0, 255}))
	}
	b.Done(1)
	var x Failure
	if (culprit{b, 0}).tell(f.Worker, &x); x.From != "a:s" || x.Tuple != `{"z": "one", "b": {"$bytes":"AP8="}}` || x.Attempt != 0 {
		t.Errorf("%+v", x)
	}
	if (culprit{b, 1}).tell(f.Worker, &x); !strings.HasPrefix(x.Tuple, `{"z": "xxx`) || !strings.HasSuffix(x.Tuple, "bytes)") || len(x.Tuple) > maxTupleText+50 {
		t.Errorf("%d bytes: %.50s", len(x.Tuple), x.Tuple)
	}
	if (culprit{b, 2}).tell(f.Worker, &x); !strings.HasPrefix(x.Tuple, `{"z": (5242`) || !strings.HasSuffix(x.Tuple, ` bytes), "b": {"$bytes":"AP8="}}`) {
		t.Errorf("%.100s", x.Tuple)
	}
	x = Failure{}
	for _, none := range []culprit{{}, {b, 3}} {
		if none.tell(f.Worker, &x); x != (Failure{}) {
			t.Errorf("%+v", x)
		}
	}
}
