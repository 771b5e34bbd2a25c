// Package load sends requests over a number of connections, each one after the other, and notes how long they take and
// whether their answers are right.
package load

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Script is what connections send, and what they expect.
type Script struct {
	// Next appends a request to into, which is empty, and returns it with a key that Check understands. No request at
	// all ends the window early. Several connections call it at once, each with its own random source.
	Next func(into []byte, random *rand.Rand) (request []byte, key int)
	// Status is the status of every right answer.
	Status int
	// Check looks at the body of an answer. It sees the first answers of each connection and a sample of the others.
	Check func(key int, body []byte) error
}

// sample is how many answers of a connection go by for each one whose content is checked.
const sample = 101

// firstChecked is how many answers of a connection are checked at the beginning of a window.
const firstChecked = 2

// enough is how many wrong answers end a connection's window.
const enough = 5

// failure is how every answer of GraphQL begins that has errors, whatever its status.
var failure = []byte(`{"errors"`)

// Window is what was seen in a stretch of time.
type Window struct {
	Requests  int
	Elapsed   time.Duration
	Latencies []time.Duration
	Checked   int
	// Wrong counts wrong answers; FirstWrong tells what was wrong about one.
	Wrong      int
	FirstWrong error
}

// PerSecond is the window's throughput.
func (w *Window) PerSecond() float64 {
	if w.Elapsed <= 0 {
		return 0
	}
	return float64(w.Requests) / w.Elapsed.Seconds()
}

// patience is how long the last answers of a window are waited for.
const patience = 30 * time.Second

// seeds makes connections of different windows send different requests, the same ones in each run.
var seeds atomic.Uint64

// Run sends the script's requests to address for a stretch of time.
func Run(ctx context.Context, address string, connections int, length time.Duration, script *Script) Window {
	var total Window
	var all sync.WaitGroup
	var mu sync.Mutex
	begin := time.Now()
	end := begin.Add(length)
	for range connections {
		random := rand.New(rand.NewPCG(seeds.Add(1), 0))
		all.Go(func() {
			part := run(ctx, address, end, script, random)
			mu.Lock()
			defer mu.Unlock()
			total.Requests += part.Requests
			total.Checked += part.Checked
			total.Wrong += part.Wrong
			total.Latencies = append(total.Latencies, part.Latencies...)
			if total.FirstWrong == nil {
				total.FirstWrong = part.FirstWrong
			}
		})
	}
	all.Wait()
	total.Elapsed = time.Since(begin)
	return total
}

// run is Run for one connection.
func run(ctx context.Context, address string, end time.Time, script *Script, random *rand.Rand) (w Window) {
	wrong := func(err error) {
		w.Wrong++
		if w.FirstWrong == nil {
			w.FirstWrong = err
		}
	}
	c, err := dial(address, end.Add(patience))
	if err != nil {
		wrong(err)
		return w
	}
	defer c.tcp.Close()
	var request []byte
	for ctx.Err() == nil {
		start := time.Now()
		if start.After(end) {
			break
		}
		var key int
		request, key = script.Next(request[:0], random)
		if len(request) == 0 {
			break
		}
		start = time.Now() // building a request is our own time
		status, body, err := c.do(request)
		took := time.Since(start)
		if err != nil {
			wrong(err)
			break // the connection is of no more use
		}
		w.Latencies = append(w.Latencies, took)
		w.Requests++
		if err := w.check(script, key, status, body); err != nil {
			wrong(err)
			if w.Wrong == enough {
				break
			}
		}
	}
	return w
}

func (w *Window) check(script *Script, key, status int, body []byte) error {
	if status != script.Status || bytes.HasPrefix(body, failure) {
		return fmt.Errorf("status %d, not %d: %.300s", status, script.Status, body)
	}
	if script.Check == nil || w.Requests > firstChecked && w.Requests%sample != 0 {
		return nil
	}
	w.Checked++
	return script.Check(key, body)
}

// Once sends one request to address and returns its answer.
func Once(address string, request []byte) (status int, body []byte, err error) {
	c, err := dial(address, time.Now().Add(patience))
	if err != nil {
		return 0, nil, err
	}
	defer c.tcp.Close()
	return c.do(request)
}
