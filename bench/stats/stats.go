// Package stats reduces what windows of a measurement saw to a few figures.
package stats

import (
	"slices"
	"time"
)

// Median is the middle of the values, the mean of the two in the middle where their number is even; 0 of none.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return sorted[n/2]
	default:
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
}

// Percentile is the smallest duration that at least p percent of the durations do not exceed (nearest rank); 0 of none.
// It sorts the durations.
func Percentile(durations []time.Duration, p float64) time.Duration {
	n := len(durations)
	if n == 0 {
		return 0
	}
	slices.Sort(durations)
	rank := int(float64(n)*p/100 + 0.999999)
	return durations[min(max(rank, 1), n)-1]
}

// Ratio is a over b; 0 where there is no b.
func Ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
