package tracing

import (
	"log/slog"
	"sync"
	"time"
)

// complaint tells of what the exporter could not do, once in a while.
type complaint struct {
	log *slog.Logger

	mu   sync.Mutex
	last time.Time
}

// Handle implements [otel.ErrorHandler].
func (c *complaint) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil || time.Since(c.last) < quietFor {
		return
	}
	c.last = time.Now()
	c.log.Warn("traces could not be sent; they are dropped", "error", err.Error())
}
