package activedirectory

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/connector"
	sim "github.com/roster-gateway/roster/internal/sim/ldap"
)

// Without the right to replicate nobody is told who was deleted, so everything is read each time.
func TestWithoutTheRightEverythingIsRead(t *testing.T) {
	t.Parallel()
	server := started(t, sim.Config{NoReplication: true})
	if got := mustRead(t, opened(t, server, nil), nil); got.state != nil {
		t.Errorf("the next round begins at %s", got.state)
	}
	if _, err := read(t, opened(t, server, map[string]string{keyMode: modeDirSync}), nil); codeOf(err) != connector.Misconfigured || !strings.Contains(err.Error(), "Replicating Directory Changes") {
		t.Errorf("%v", err)
	}
	blind := started(t, sim.Config{Domain: server.Domain, HidesDeleted: true})
	if got := mustRead(t, opened(t, blind, nil), nil); got.state != nil {
		t.Errorf("nobody tells what is deleted, and the next round begins at %s", got.state)
	}
	if _, err := read(t, opened(t, blind, map[string]string{keyMode: modeDirSync}), nil); codeOf(err) != connector.Misconfigured || !strings.Contains(err.Error(), "Deleted Objects") {
		t.Errorf("%v", err)
	}
	may := started(t, sim.Config{Domain: server.Domain})
	for _, change := range []map[string]string{{keyMode: modeFull}, {keyUserFilter: "(sAMAccountName=*)"}} {
		if got := mustRead(t, opened(t, may, change), nil); got.state != nil {
			t.Errorf("%v: the next round begins at %s", change, got.state)
		}
	}
}

// The entries are as [MS-DTYP] section 2.4.4 writes them.
func TestWhoMayReplicate(t *testing.T) {
	t.Parallel()
	everybody, _ := hex.DecodeString("01010000000000050b000000")
	administrators, _ := hex.DecodeString("01020000000000052000000020020000")
	guid := "aaf63111079cd111f79f00c04fc2dcd2"
	other := "adf63111079cd111f79f00c04fc2dcd2"
	list := func(entries ...string) []byte {
		all := ""
		for _, e := range entries {
			all += e
		}
		body, _ := hex.DecodeString(all)
		head := []byte{1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, byte(len(entries)), 0, 0, 0}
		return append(head, body...)
	}
	ace := func(kind, flags, mask, object, sid string) string {
		body := mask + object + sid
		size := 4 + len(body)/2
		return kind + flags + hex.EncodeToString([]byte{byte(size), byte(size >> 8)}) + body
	}
	const control, all, readOnly = "00010000", "ff010f00", "94000200"
	we, admins := hex.EncodeToString(everybody), hex.EncodeToString(administrators)
	for name, c := range map[string]struct {
		descriptor []byte
		want       bool
	}{
		"the right":                  {list(ace("05", "00", control, "01000000"+guid, we)), true},
		"another right":              {list(ace("05", "00", control, "01000000"+other, we)), false},
		"every right":                {list(ace("05", "00", control, "00000000", we)), true},
		"full control":               {list(ace("00", "00", all, "", we)), true},
		"reading":                    {list(ace("00", "00", readOnly, "", we)), false},
		"of somebody else":           {list(ace("05", "00", control, "01000000"+guid, admins)), false},
		"denied before":              {list(ace("06", "00", control, "01000000"+guid, we), ace("00", "00", all, "", we)), false},
		"denied to somebody else":    {list(ace("01", "00", all, "", admins), ace("05", "00", control, "01000000"+guid, we)), true},
		"for what is below":          {list(ace("05", "0a", control, "01000000"+guid, we)), false},
		"nothing":                    {nil, false},
		"no list":                    {make([]byte, 20), false},
		"cut":                        {list(ace("05", "00", control, "01000000"+guid, we))[:40], false},
		"an entry without an end":    {list("0500ffff" + control), false},
		"an entry that says nothing": {list("05000800" + control), false},
	} {
		if got := grants(c.descriptor, [][]byte{everybody}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzGrants: what others send for a security descriptor is read within its bounds.
func FuzzGrants(f *testing.F) {
	f.Add([]byte{1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 5, 0, 40, 0, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, descriptor []byte) {
		grants(descriptor, [][]byte{{1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0}})
	})
}
