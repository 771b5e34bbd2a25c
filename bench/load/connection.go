package load

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// connection is one keep-alive HTTP/1.1 connection. It reads what our servers write and no more of the protocol: a full
// client would take as much of the machine as the servers that it measures.
type connection struct {
	tcp  net.Conn
	in   *bufio.Reader
	body []byte
}

func dial(address string, deadline time.Time) (*connection, error) {
	tcp, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	if err := tcp.SetDeadline(deadline); err != nil {
		tcp.Close()
		return nil, err
	}
	return &connection{tcp: tcp, in: bufio.NewReaderSize(tcp, 64<<10)}, nil
}

// do sends a request and reads its answer. The body is good until the next call.
func (c *connection) do(request []byte) (status int, body []byte, err error) {
	if _, err := c.tcp.Write(request); err != nil {
		return 0, nil, err
	}
	line, err := c.line()
	if err != nil {
		return 0, nil, err
	}
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, nil, fmt.Errorf("no HTTP answer: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, fmt.Errorf("no HTTP status: %q", line)
	}
	length, err := c.headers()
	if err != nil {
		return 0, nil, err
	}
	c.body = c.body[:0]
	switch {
	case status == 204 || status == 304:
	case length == chunked:
		err = c.chunks()
	default:
		err = c.read(length)
	}
	return status, c.body, err
}

// chunked is the length of a body that comes in chunks.
const chunked = -1

// headers reads the header section and returns the length of the body.
func (c *connection) headers() (length int, err error) {
	for {
		line, err := c.line()
		if err != nil || len(line) == 0 {
			return length, err
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case len(name) == len("Content-Length") && bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case len(name) == len("Transfer-Encoding") && bytes.EqualFold(name, []byte("Transfer-Encoding")):
			length = chunked
		case len(name) == len("Connection") && bytes.EqualFold(name, []byte("Connection")) && bytes.EqualFold(value, []byte("close")):
			return 0, fmt.Errorf("the server ends the connection")
		}
	}
}

// chunks reads a body in chunks (RFC 9112 section 7.1).
func (c *connection) chunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return err
		}
		if size > 0 {
			if err := c.read(int(size)); err != nil {
				return err
			}
		}
		if _, err := c.line(); err != nil || size == 0 {
			return err
		}
	}
}

func (c *connection) read(n int) error {
	from := len(c.body)
	if cap(c.body) < from+n {
		c.body = append(make([]byte, 0, 2*(from+n)), c.body...)
	}
	c.body = c.body[:from+n]
	_, err := io.ReadFull(c.in, c.body[from:])
	return err
}

func (c *connection) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}
