package graphqlhttp

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestDeadline(t *testing.T) {
	t.Parallel()
	type key struct{}
	parent := context.WithValue(t.Context(), key{}, "kept")
	t.Run("its time comes before anybody waits", func(t *testing.T) {
		d := newDeadline(parent, 20*time.Millisecond, nil)
		defer d.finish()
		if err := d.Err(); err != nil || d.Value(key{}) != "kept" || expired(d) {
			t.Fatalf("at first: %v", err)
		}
		time.Sleep(30 * time.Millisecond)
		if !errors.Is(d.Err(), context.DeadlineExceeded) || !expired(d) || d.Value(key{}) != "kept" {
			t.Errorf("later: %v, cause %v", d.Err(), context.Cause(d))
		}
	})
	t.Run("somebody waits", func(t *testing.T) {
		d := newDeadline(parent, 20*time.Millisecond, nil)
		defer d.finish()
		child, cancel := context.WithCancel(d)
		defer cancel()
		select {
		case <-child.Done():
		case <-time.After(10 * time.Second):
			t.Fatal("nobody was woken")
		}
		if !expired(d) || !errors.Is(context.Cause(child), errDeadline) {
			t.Errorf("cause %v", context.Cause(child))
		}
	})
	t.Run("the client leaves", func(t *testing.T) {
		client, leave := context.WithCancel(parent)
		d := newDeadline(client, time.Hour, nil)
		defer d.finish()
		leave()
		if !errors.Is(d.Err(), context.Canceled) || expired(d) {
			t.Errorf("%v, cause %v", d.Err(), context.Cause(d))
		}
	})
	t.Run("finished", func(t *testing.T) {
		for _, first := range []bool{true, false} {
			d := newDeadline(parent, time.Hour, func() { t.Error("told to be late") })
			if first {
				d.start()
			}
			d.finish()
			select {
			case <-d.Done():
			default:
				t.Error("it goes on")
			}
		}
	})
	t.Run("late", func(t *testing.T) {
		told := make(chan struct{})
		d := newDeadline(parent, time.Millisecond, func() { close(told) })
		defer d.finish()
		d.start()
		select {
		case <-told:
		case <-time.After(10 * time.Second):
			t.Error("not told")
		}
	})
	t.Run("an earlier end of the request", func(t *testing.T) {
		at := time.Now().Add(time.Minute)
		request, cancel := context.WithDeadline(parent, at)
		defer cancel()
		d := newDeadline(request, time.Hour, nil)
		defer d.finish()
		if got, ok := d.Deadline(); !ok || !got.Equal(at) {
			t.Errorf("%v %v", got, ok)
		}
	})
}
