package connector

import (
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/roster-gateway/roster/directory"
)

// CACertificate declares the key tls.caCertificate, which every source over TLS takes.
var CACertificate = directory.ConfigKey{
	Key: "tls.caCertificate", Description: "Certificate authorities in PEM that the source's TLS certificate may come from, beside the system's.", Check: Certificates,
}

// OneOf takes one of the values.
func OneOf(values ...string) func(string) error {
	return func(value string) error {
		for _, v := range values {
			if v == value {
				return nil
			}
		}
		return fmt.Errorf("one of %s is expected", strings.Join(values, ", "))
	}
}

// pemBlocks counts the PEM blocks of each kind.
func pemBlocks(value string) (certificates, keys int) {
	for rest := []byte(value); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return certificates, keys
		}
		switch {
		case block.Type == "CERTIFICATE":
			certificates++
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			keys++
		}
	}
}

// Certificates takes one certificate in PEM or more.
func Certificates(value string) error {
	if n, _ := pemBlocks(value); n == 0 {
		return errors.New("at least one certificate in PEM is expected")
	}
	return nil
}

// CertificateWithKey takes a certificate, with others of its chain or without, and its private key in PEM.
func CertificateWithKey(value string) error {
	if n, keys := pemBlocks(value); n == 0 || keys != 1 {
		return errors.New("a certificate and one private key in PEM are expected")
	}
	return nil
}
