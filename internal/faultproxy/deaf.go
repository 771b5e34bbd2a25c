package faultproxy

import (
	"bufio"
	"encoding/binary"
	"io"
)

// copyWithoutNotifications passes on what a server says but for NotificationResponse (PostgreSQL manual, "Message Formats":
// a byte for the kind, and a length that counts itself).
func (p *Proxy) copyWithoutNotifications(to io.Writer, from io.Reader) error {
	in := bufio.NewReader(from)
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(in, head); err != nil {
			return err
		}
		message := make([]byte, 1+binary.BigEndian.Uint32(head[1:]))
		copy(message, head)
		if _, err := io.ReadFull(in, message[5:]); err != nil {
			return err
		}
		if head[0] == 'A' {
			p.kept.Add(1)
			continue
		}
		if _, err := to.Write(message); err != nil {
			return err
		}
	}
}
