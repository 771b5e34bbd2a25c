package push

import (
	"bytes"
	"testing"
)

// Every line that holds anything is an entry: one that can be pushed has a name, one that cannot has a reason.
func FuzzRead(f *testing.F) {
	f.Add([]byte("{\"userName\":\"a\"}\n\n[]\r\n{\"displayName\":\"g\",\"members\":[{\"value\":\"a\"},\"b\",{}]}"))
	f.Add([]byte(`{"userName":"a","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"b"}}}`))
	f.Add([]byte("\ufeff{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:Group\",7],\"displayName\":null}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
			if len(bytes.TrimSpace(line)) > 0 {
				lines++
			}
		}
		if d.Len() != lines {
			t.Errorf("%d entries of %d lines", d.Len(), lines)
		}
		for _, e := range d.entries {
			if (e.result.Outcome == Failed) != (e.result.Reason != "") || e.result.Outcome != Failed && e.label == "" {
				t.Errorf("the entry of line %d is %+v", e.line, e)
			}
		}
	})
}

// A value covers itself, whatever it holds.
func FuzzCovers(f *testing.F) {
	f.Add([]byte(`{"a":[{"b":false},{"b":false,"c":1}],"A":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e := parse(1, text)
		if e.attributes != nil && !covers(e.attributes, e.attributes) {
			t.Errorf("%s does not cover itself", text)
		}
	})
}
