package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// statements notes the calls of each statement, which takes 50 ms.
type statements struct {
	mu    sync.Mutex
	calls [][]int
	takes func(calls []int) time.Duration
}

func (s *statements) run(ctx context.Context, calls []int) ([]string, error) {
	s.mu.Lock()
	s.calls = append(s.calls, slices.Clone(calls))
	s.mu.Unlock()
	takes := 50 * time.Millisecond
	if s.takes != nil {
		takes = s.takes(calls)
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	out := make([]string, len(calls))
	for i, call := range calls {
		switch {
		case call < 0:
			return nil, &pq.Error{Code: "23505"}
		case call == 1000:
			panic("a statement that fails badly")
		}
		out[i] = fmt.Sprint(call)
	}
	return out, nil
}

// ask makes calls one after the other, without waiting for their answers, and returns what they are answered.
func ask(t *testing.T, g *gatherer[int, string], ctx context.Context, calls ...int) (answers []string) {
	t.Helper()
	answers = make([]string, len(calls))
	for i, call := range calls {
		go func() {
			answer, err := g.do(ctx, call)
			if answers[i] = answer; err != nil {
				answers[i] = "failed"
			}
		}()
		synctest.Wait()
	}
	return answers
}

func TestGather(t *testing.T) {
	for name, c := range map[string]struct {
		calls      []int
		statements string
		answers    string
	}{
		"a call alone":                     {[]int{1}, "[[1]]", "[1]"},
		"those that come meanwhile":        {[]int{1, 2, 3, 4}, "[[1] [2 3 4]]", "[1 2 3 4]"},
		"no more than fit":                 {[]int{1, 2, 3, 4, 5, 6}, "[[1] [2 3 4 5] [6]]", "[1 2 3 4 5 6]"},
		"one that fails takes no other in": {[]int{1, 2, -3, 4}, "[[1] [2 -3 4] [2] [-3] [4]]", "[1 2 failed 4]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &statements{}
				g := &gatherer[int, string]{wide: 1, most: 4, run: s.run}
				answers := ask(t, g, t.Context(), c.calls...)
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := fmt.Sprint(s.calls); got != c.statements {
					t.Errorf("statements %s, want %s", got, c.statements)
				}
				if got := fmt.Sprint(answers); got != c.answers {
					t.Errorf("answers %s, want %s", got, c.answers)
				}
				if g.running != 0 {
					t.Errorf("%d statements still run", g.running)
				}
			})
		})
	}
}

// Nobody waits for a statement that takes long, but for those that share it.
func TestGatherGoesOnBesideSlowOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &statements{}
		s.takes = func(calls []int) time.Duration {
			if slices.Contains(calls, 7) {
				return time.Minute
			}
			return 10 * time.Millisecond
		}
		g := &gatherer[int, string]{wide: 1, most: 4, run: s.run}
		slow := ask(t, g, t.Context(), 7)
		begun := time.Now()
		others := ask(t, g, t.Context(), 1, 2)
		time.Sleep(slowAfter + time.Millisecond) // by now the two others run
		more := ask(t, g, t.Context(), 3, 4)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := fmt.Sprint(others, more, s.calls); got != "[1 2] [3 4] [[7] [1 2] [3 4]]" {
			t.Errorf("after %v: %s", time.Since(begun), got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if g.running != 0 || g.slow != 0 || fmt.Sprint(slow) != "[7]" {
			t.Errorf("%d run and %d are slow; %v", g.running, g.slow, slow)
		}
	})
}

// A call that nobody waits for any more is not made; one that is lost among others ends with its own context.
func TestGatherLeavesTheGoneOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &statements{}
		g := &gatherer[int, string]{wide: 1, most: 4, run: s.run}
		gone, leave := context.WithCancel(t.Context())
		first := ask(t, g, t.Context(), 1)
		second := ask(t, g, gone, 2)
		third := ask(t, g, t.Context(), 3)
		leave()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := fmt.Sprint(first, second, third, s.calls); got != "[1] [failed] [3] [[1] [3]]" {
			t.Errorf("got %s", got)
		}
	})
}

// A statement of several calls goes on without those that leave, up to the last of their deadlines.
func TestGatherOutlastsACaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &statements{}
		g := &gatherer[int, string]{wide: 1, most: 4, run: s.run}
		short, leave := context.WithTimeout(t.Context(), 75*time.Millisecond)
		defer leave()
		long, end := context.WithTimeout(t.Context(), 10*time.Second)
		defer end()
		first := ask(t, g, t.Context(), 1)
		second := ask(t, g, short, 2)
		third := ask(t, g, long, 3)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := fmt.Sprint(first, second, third, s.calls); got != "[1] [failed] [3] [[1] [2 3]]" {
			t.Errorf("got %s", got)
		}
	})
}

// What is not the fault of a call fails all, and what fails badly is told to those who wait.
func TestGatherFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &statements{}
		g := &gatherer[int, string]{wide: 1, most: 4, run: s.run}
		answers := ask(t, g, t.Context(), 1, 2, 1000)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := fmt.Sprint(answers, s.calls); got != "[1 failed failed] [[1] [2 1000]]" {
			t.Errorf("got %s", got)
		}
		down := gatherer[int, string]{wide: 1, most: 4, run: func(context.Context, []int) ([]string, error) {
			time.Sleep(50 * time.Millisecond)
			return nil, unavailable("The database cannot be reached.", &pq.Error{Code: "57P01"})
		}}
		ask(t, &down, t.Context(), 1, 2, 3)
		begun := time.Now()
		_, err := down.do(t.Context(), 4)
		if e := (*directory.Error)(nil); !errors.As(err, &e) || e.Code != directory.CodeUnavailable {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("a database that is down was asked for each call by itself: %v", took)
		}
	})
}
