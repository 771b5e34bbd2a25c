package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/roster-gateway/roster/directory"
)

// TestSafetyR6RetriesAreBounded: a write that loses a race is tried again, so often and no more, and not past its time.
func TestSafetyR6RetriesAreBounded(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"40001", "40P01"} {
		lost := func() error { return mapError(t.Context(), &pq.Error{Code: pqerror.Code(code)}) }
		for name, test := range map[string]struct {
			losses, tries int
			code          directory.Code
		}{
			"never lost":      {0, 1, ""},
			"lost twice":      {2, 3, ""},
			"lost every time": {1000, maxTries, directory.CodeUnavailable},
		} {
			tries := 0
			err := retry(t.Context(), func() error {
				if tries++; tries <= test.losses {
					return lost()
				}
				return nil
			})
			if tries != test.tries || (test.code == "") != (err == nil) || test.code != "" && !directory.HasCode(err, test.code) {
				t.Errorf("%s, %s: %d tries and %v; want %d and %q", code, name, tries, err, test.tries, test.code)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		tries := 0
		if err := retry(ctx, func() error { tries++; return lost() }); !directory.HasCode(err, directory.CodeUnavailable) || tries > maxTries {
			t.Errorf("%s, without time: %d tries and %v", code, tries, err)
		}
	}
	tries := 0
	if err := retry(t.Context(), func() error { tries++; return errors.New("no race") }); err == nil || tries != 1 {
		t.Errorf("what lost no race was tried %d times: %v", tries, err)
	}
}

func TestPlacesAreBounded(t *testing.T) {
	t.Parallel()
	p := newPlaces(2)
	if err := p.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.take(ctx); !directory.HasCode(err, directory.CodeUnavailable) {
		t.Errorf("a request whose time ends: %v", err)
	}
	waits := make(chan error)
	go func() { waits <- p.take(context.Background()) }()
	select {
	case err := <-waits:
		t.Errorf("who has time was refused: %v", err)
	case <-time.After(placeWait + 100*time.Millisecond):
	}
	p.leave()
	if err := <-waits; err != nil {
		t.Error(err)
	}
}
