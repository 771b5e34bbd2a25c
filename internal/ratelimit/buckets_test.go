package ratelimit

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestTake(t *testing.T) {
	t.Parallel()
	b := NewBuckets[string](20, 100*time.Millisecond)
	now := epoch
	for _, step := range []struct {
		after time.Duration // since the step before
		key   string
		n     int64
		want  Level
	}{
		{0, "a", 5, Level{Taken: true, Left: 15, Full: 500 * time.Millisecond}},
		{0, "a", 15, Level{Taken: true, Left: 0, Full: 2 * time.Second}},
		{0, "a", 1, Level{Left: 0, Full: 2 * time.Second, Wait: 100 * time.Millisecond}},
		{0, "b", 1, Level{Taken: true, Left: 19, Full: 100 * time.Millisecond}},
		{50 * time.Millisecond, "a", 1, Level{Left: 0, Full: 1950 * time.Millisecond, Wait: 50 * time.Millisecond}},
		{50 * time.Millisecond, "a", 1, Level{Taken: true, Left: 0, Full: 2 * time.Second}},
		{time.Hour, "a", 20, Level{Taken: true, Left: 0, Full: 2 * time.Second}},
		{2 * time.Second, "a", 30, Level{Taken: true, Left: 0, Full: 3 * time.Second}}, // owes 10
		{0, "a", 1, Level{Left: 0, Full: 3 * time.Second, Wait: 1100 * time.Millisecond}},
		{time.Second, "a", 30, Level{Left: 0, Full: 2 * time.Second, Wait: 2 * time.Second}},
	} {
		now = now.Add(step.after)
		if diff := cmp.Diff(step.want, b.Take(step.key, step.n, now)); diff != "" {
			t.Errorf("%+v: %s", step, diff)
		}
	}
}

// TestNobodyGetsMoreThanBurstAndRate holds every sequence of takes to what the bucket can have held, and every wait to
// being long enough and no longer.
func TestNobodyGetsMoreThanBurstAndRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate, burst := rapid.Int64Range(1, 1000).Draw(t, "rate"), rapid.Int64Range(1, 1000).Draw(t, "burst")
		b := NewBuckets[int](burst, time.Second/time.Duration(rate))
		now, taken := time.Duration(0), int64(0)
		for range rapid.IntRange(1, 50).Draw(t, "takes") {
			now += time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "passes"))
			n := rapid.Int64Range(1, burst).Draw(t, "n")
			level := b.Take(1, n, time.Unix(0, int64(now)))
			if !level.Taken {
				if early := b.Take(1, n, time.Unix(0, int64(now+level.Wait-1))); early.Taken {
					t.Fatalf("taken before the wait of %s is over", level.Wait)
				}
				now += level.Wait
				if again := b.Take(1, n, time.Unix(0, int64(now))); !again.Taken {
					t.Fatalf("not taken after the wait of %s", level.Wait)
				}
			}
			if taken += n; float64(taken) > float64(burst)+now.Seconds()*float64(rate)*1.001+1 {
				t.Fatalf("%d units were taken in %s", taken, now)
			}
		}
	})
}

// TestBucketsAreBounded: ever new keys take no more room, and no more units than one may where there is no room.
func TestBucketsAreBounded(t *testing.T) {
	t.Parallel()
	b := NewBuckets[int](2, time.Second)
	const over = 100_000
	taken := 0
	for key := range shards*maxKeys + over {
		if b.Take(key, 1, epoch).Taken {
			taken++
		}
	}
	if n := b.kept(); n > shards*maxKeys {
		t.Errorf("%d buckets are kept", n)
	}
	if most := shards * (maxKeys + 2); taken > most {
		t.Errorf("%d keys were served, want %d at most", taken, most)
	}
	if level := b.Take(-1, 1, epoch.Add(time.Hour)); !level.Taken || level.Left != 1 {
		t.Errorf("later: %+v", level)
	}
	if n := b.kept(); n > (shards-1)*maxKeys+1 {
		t.Errorf("%d buckets are kept after a sweep of one shard", n)
	}
}

func BenchmarkTake(b *testing.B) {
	buckets := NewBuckets[string](1e6, time.Microsecond)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			buckets.Take("9f8b0c7e-1c5e-4c39-9f6a-3f9f5b0d1c2a", 1, time.Now())
		}
	})
}
