package stats_test

import (
	"testing"
	"time"

	"github.com/roster-gateway/roster/bench/stats"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{7}, 7},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 2, 100}, 3},
	} {
		if got := stats.Median(c.values); got != c.want {
			t.Errorf("the median of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

func TestMedianLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	values := []float64{3, 1, 2}
	stats.Median(values)
	if values[0] != 3 || values[1] != 1 || values[2] != 2 {
		t.Errorf("the values are now %v", values)
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	for _, c := range []struct {
		durations []time.Duration
		p         float64
		want      time.Duration
	}{
		{nil, 50, 0},
		{[]time.Duration{4}, 99, 4},
		{[]time.Duration{3, 1, 2}, 50, 2},
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 100, 100},
		{hundred, 0, 1},
	} {
		if got := stats.Percentile(c.durations, c.p); got != c.want {
			t.Errorf("the percentile %v of %d durations is %d, want %d", c.p, len(c.durations), got, c.want)
		}
	}
}

func TestRatio(t *testing.T) {
	t.Parallel()
	if got := stats.Ratio(3, 4); got != 0.75 {
		t.Errorf("3 to 4 is %v", got)
	}
	if got := stats.Ratio(3, 0); got != 0 {
		t.Errorf("the ratio to nothing is %v", got)
	}
}
