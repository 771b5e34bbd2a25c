package command

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// The steps of a stop, in time from its signal: at requestLimit requests are cut, at stopLimit Postgres has to end at
// once. All in all it takes less than the 10 s after which supervisors kill.
const (
	requestLimit = 6500 * time.Millisecond
	stopLimit    = 8500 * time.Millisecond
	// crashLimit is what requests get to fail in order once Postgres is gone.
	crashLimit = time.Second
	// flushLimit is what the provisioning log and the uses of tokens get to be written, and the traces to be sent.
	flushLimit = time.Second
)

// run serves until ctx ends, then stops in order. It fails where Roster cannot go on.
func (s *service) run(ctx context.Context) error {
	defer s.hold.Flush()
	select {
	case <-ctx.Done():
		s.drain()
		return nil
	case <-s.database.exited():
		s.log.Error("Roster's own Postgres has ended; Roster ends too, so that a supervisor can start both again")
		s.front.Drain()
		s.endRequests(time.Now().Add(crashLimit))
		s.close(time.Now().Add(crashLimit))
		return errors.New("the Postgres that Roster runs ended while Roster was serving: start Roster again; the log tells more")
	case err := <-s.ended:
		s.close(time.Now().Add(stopLimit))
		return fmt.Errorf("a listener failed: %s", reason(err))
	}
}

// drain stops in order. Load balancers learn first, while everything is still served; then what is in flight ends; then
// the database.
func (s *service) drain() {
	begun := time.Now()
	s.log.Info("stopping")
	s.front.Drain()
	time.Sleep(s.settings.DrainGrace)
	s.endRequests(begun.Add(requestLimit))
	s.close(begun.Add(stopLimit))
	s.log.Info("stopped", "duration", time.Since(begun))
}

// endRequests takes no new requests and waits for the others until the deadline; then it cuts them.
func (s *service) endRequests(deadline time.Time) {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	s.front.EndStreams()
	if err := s.http.Shutdown(ctx); err != nil {
		s.log.Warn("requests were cut: they did not end in time")
	}
}

// close ends what is left: connections, pool, our own Postgres.
func (s *service) close(deadline time.Time) {
	for _, server := range []*http.Server{s.http, s.management} { // until now, probes and scrapes were answered
		if server == nil {
			continue
		}
		if err := server.Close(); err != nil {
			s.log.Debug("closing connections", "error", err)
		}
	}
	if s.stopBackground != nil {
		s.stopBackground()
	}
	if s.provisioning != nil { // then there is all that was opened
		ctx, cancel := context.WithTimeout(context.Background(), flushLimit)
		s.provisioning.Flush(ctx)
		if err := s.writeUses(ctx); err != nil {
			s.log.Warn("the last uses of access tokens were not noted", "error", err)
		}
		cancel()
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushLimit)
	defer cancel()
	if err := s.tracing.Stop(ctx); err != nil {
		s.log.Warn("the last traces could not be sent", "error", err)
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Warn("closing the database connections", "error", err)
		}
	}
	if s.database != nil {
		s.database.stopBy(deadline, s.log)
	}
}
