package activedirectory

import (
	"net"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/roster-gateway/roster/internal/outbound"
)

// The bounds of one connection.
const (
	connectLimit = 20 * time.Second
	requestLimit = 100 * time.Second
	// maxAnswer is what one request may be answered with, in bytes.
	maxAnswer = 64 << 20
	// maxNesting is how deep an answer may be nested. LDAP itself goes to 7.
	maxNesting = 32
)

// Whoever announces more than a whole answer may hold is not read: the package that decodes has its bounds for all
// connections of the process, and those of its own are 2 GiB and 1,000 levels.
func init() {
	ber.MaxPacketLengthBytes = maxAnswer
	ber.MaxNestingDepth = maxNesting
}

// wire is a connection whose answers are bounded, and which remembers what it failed by.
type wire struct {
	net.Conn
	mu     sync.Mutex
	left   int64
	failed error
}

// answers begins to count for another answer.
func (w *wire) answers() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = maxAnswer
}

// failure is what the connection failed by; nil where it has not.
func (w *wire) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left -= int64(n); w.left < 0 {
		n, err = 0, outbound.ErrTooLarge
	}
	if err != nil && w.failed == nil {
		w.failed = err
	}
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	_ = w.SetWriteDeadline(time.Now().Add(requestLimit))
	return w.Conn.Write(p)
}
