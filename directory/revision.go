package directory

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"time"

	"github.com/google/uuid"
)

// Revision names a committed state of the directory: a life of the store (its epoch), and either the transaction
// that a write committed or the snapshot that a read saw. A later state reflects it where that transaction, or all
// that the snapshot saw, is visible in it.
type Revision struct {
	Epoch uuid.UUID
	// Started is when the server of the store started that gave the transaction its number; zero where that is not known.
	// One that has crashed gives numbers away again.
	Started time.Time
	// XID is the writer's transaction; 0 where the revision is a snapshot.
	XID uint64
	// Snapshot is a pg_snapshot text (xmin:xmax:xip,...), empty where the revision is a write's.
	Snapshot string
}

type revisionWire struct {
	Version  int       `json:"v"`
	Epoch    uuid.UUID `json:"e"`
	Started  int64     `json:"t,omitempty"` // microseconds since 1970
	XID      uint64    `json:"x,omitempty"`
	Snapshot string    `json:"s,omitempty"`
}

var snapshotText = regexp.MustCompile(`^\d{1,20}:\d{1,20}:(\d{1,20}(,\d{1,20})*)?$`)

// String is the opaque form that callers hold and send back.
func (r Revision) String() string {
	wire := revisionWire{Version: 1, Epoch: r.Epoch, XID: r.XID, Snapshot: r.Snapshot}
	if !r.Started.IsZero() {
		wire.Started = r.Started.UnixMicro()
	}
	text, _ := json.Marshal(wire) // cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

// ParseRevision reads the opaque form. A text that is none is a CodeBadInput error.
func ParseRevision(text string) (Revision, error) {
	var wire revisionWire
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &wire)
	}
	if err != nil || wire.Version != 1 || (wire.XID == 0) == (wire.Snapshot == "") ||
		wire.Snapshot != "" && !snapshotText.MatchString(wire.Snapshot) {
		return Revision{}, BadInput("revision", "This is no revision of this server. Send back a revision exactly as an answer gave it.")
	}
	r := Revision{Epoch: wire.Epoch, XID: wire.XID, Snapshot: wire.Snapshot}
	if wire.Started != 0 {
		r.Started = time.UnixMicro(wire.Started)
	}
	return r, nil
}
