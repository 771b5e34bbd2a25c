package load

import (
	"math/rand/v2"
	"strconv"
)

// AppendRequest appends an HTTP/1.1 request. The headers are whole lines, each with its line end.
func AppendRequest(into []byte, method, path, headers string, body []byte) []byte {
	into = append(into, method...)
	into = append(into, ' ')
	into = append(into, path...)
	into = append(into, " HTTP/1.1\r\nHost: 127.0.0.1\r\n"...)
	into = append(into, headers...)
	if len(body) > 0 {
		into = append(into, "Content-Length: "...)
		into = strconv.AppendInt(into, int64(len(body)), 10)
		into = append(into, "\r\n"...)
	}
	into = append(into, "\r\n"...)
	return append(into, body...)
}

// Fixed returns a Next that sends prepared requests in random order. A request's key is its index.
func Fixed(requests [][]byte) func(into []byte, random *rand.Rand) ([]byte, int) {
	return func(into []byte, random *rand.Rand) ([]byte, int) {
		key := random.IntN(len(requests))
		return append(into, requests[key]...), key
	}
}
