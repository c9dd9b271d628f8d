package pyjson

import (
	"errors"
	"testing"
)

// What Python 3.11 answers for json.dumps(json.loads(in), ensure_ascii=False).
var roundTrips = []struct{ in, out string }{
	{`null`, `null`},
	{` [true , false,null ] `, `[true, false, null]`},
	{`[]`, `[]`}, {`{ }`, `{}`},
	{`-0`, `0`}, {`-0.0`, `-0.0`}, {`2.50`, `2.5`}, {`1E5`, `100000.0`},
	{`12345678901234567890123`, `12345678901234567890123`},
	{`1e400`, `Infinity`}, {`-1e400`, `-Infinity`}, {`NaN`, `NaN`}, {`[Infinity,-Infinity]`, `[Infinity, -Infinity]`},
	{`1e15`, `1000000000000000.0`}, {`1e16`, `1e+16`}, {`123456789012345680.0`, `1.2345678901234568e+17`},
	{`0.0001`, `0.0001`}, {`0.00001`, `1e-05`}, {`1e-7`, `1e-07`}, {`1e22`, `1e+22`}, {`5e-324`, `5e-324`}, {`1.7976931348623157e308`, `1.7976931348623157e+308`},
	{`"a\u0000\u0007\u007f\u2028\/\"\\\b\f\n\r\t"`, "\"a\\u0000\\u0007\x7f\u2028/\\\"\\\\\\b\\f\\n\\r\\t\""},
	{`"\ud83d\ude42é\u00E9"`, `"🙂éé"`},
	{`{"b":1,"a":{"z":[1,2.0,null,true]},"b":"last"}`, `{"b": "last", "a": {"z": [1, 2.0, null, true]}}`},
}

func TestRoundTrip(t *testing.T) {
	for _, c := range roundTrips {
		v, err := Parse(c.in)
		if err != nil {
			t.Errorf("Parse(%s): %v", c.in, err)
			continue
		}
		got, err := v.Append(nil)
		if err != nil || string(got) != c.out {
			t.Errorf("%s became %s (%v), want %s", c.in, got, err, c.out)
		}
	}
}

func TestSurrogate(t *testing.T) {
	for _, in := range []string{`"\ud800"`, `"\ude42\ud83d"`, `"\ud83d\u0041"`, `["\ud800"]`, `{"\ud800":1}`} {
		v, err := Parse(in)
		if err != nil {
			t.Fatalf("Parse(%s): %v", in, err)
		}
		if _, err := v.Append(nil); !errors.Is(err, ErrSurrogate) {
			t.Errorf("%s: Append answers %v, want ErrSurrogate", in, err)
		}
	}
}

func TestField(t *testing.T) {
	v, err := Parse(`{"query":"one","doc":null,"query":"two"}`)
	if err != nil {
		t.Fatal(err)
	}
	q, ok := v.Field("query")
	if text, err := q.Text(); !ok || err != nil || text != "two" {
		t.Errorf(`Field("query") is %q, %v, %v`, text, err, ok)
	}
	if d, ok := v.Field("doc"); !ok || d.Kind != Null {
		t.Errorf(`Field("doc") is %v, %v`, d, ok)
	}
	if _, ok := v.Field("missing"); ok {
		t.Error(`Field("missing") is there`)
	}
}

func TestFinite(t *testing.T) {
	for in, want := range map[string]bool{`{"a":[1.5]}`: true, `{"a":[NaN]}`: false, `[-Infinity]`: false, `"NaN"`: true} {
		v, err := Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if v.Finite() != want {
			t.Errorf("%s: Finite is %v", in, !want)
		}
	}
}
