// Package certificate keeps the TLS certificate of the listeners, and takes up a new one while connections go on.
package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// lookInterval is how often the files are looked at. They are read whole and compared: times of files and events of file
// systems miss what is mounted, linked or written in two steps.
const lookInterval = 10 * time.Second

// maxFile bounds each of the files, in bytes.
const maxFile = 1 << 20

// Files are a certificate, with the chain that leads to its authority behind it, and its private key, both in PEM form.
type Files struct {
	Certificate, Key string
}

// Keeper holds the certificate that new connections are offered.
type Keeper struct {
	files   Files
	log     *slog.Logger
	current atomic.Pointer[tls.Certificate]
	seen    pair // what was last looked at, of use or not
}

// pair is what the files hold.
type pair struct{ certificate, key []byte }

// Open reads the files. Its error is one sentence for the operator, without what the files hold.
func Open(files Files, log *slog.Logger) (*Keeper, error) {
	k := &Keeper{files: files, log: log}
	if _, err := k.look(); err != nil {
		return nil, err
	}
	return k, nil
}

// Watch takes up what the files hold when they have changed, until ctx ends. A pair that is of no use is told of once, in
// the log, and the last good one stays.
func (k *Keeper) Watch(ctx context.Context) { k.watch(ctx, lookInterval) }

func (k *Keeper) watch(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	failed := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := k.look()
		switch {
		case err == nil:
			failed = ""
		case err.Error() != failed:
			k.log.Error("the TLS certificate was not renewed: the old one stays in use", "error", err.Error(), "not_after", k.NotAfter())
			failed = err.Error()
		}
		if changed {
			k.log.Info("the TLS certificate was renewed", "not_after", k.NotAfter())
		}
	}
}

// look reads the files and takes their pair up if it is a new one that fits together.
func (k *Keeper) look() (changed bool, err error) {
	var now pair
	if now.certificate, err = read(k.files.Certificate); err != nil {
		return false, err
	}
	if now.key, err = read(k.files.Key); err != nil {
		return false, err
	}
	if k.current.Load() != nil && bytes.Equal(now.certificate, k.seen.certificate) && bytes.Equal(now.key, k.seen.key) {
		return false, nil
	}
	k.seen = now
	loaded, err := tls.X509KeyPair(now.certificate, now.key)
	if err != nil {
		return false, fmt.Errorf("the certificate in %s and the private key in %s are of no use together (%s): both have to be in PEM form and belong to each other", k.files.Certificate, k.files.Key, plain(err))
	}
	if end := loaded.Leaf.NotAfter; time.Now().After(end) {
		return false, fmt.Errorf("the certificate in %s has expired on %s: renew it", k.files.Certificate, end.Format(time.DateOnly))
	}
	k.current.Store(&loaded)
	return true, nil
}

// plain is the reason of a pair that does not load. Those of package tls quote nothing of a key.
func plain(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}

func read(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxFile) {
		return nil, fmt.Errorf("the file %s is no certificate or key: it is too large, or no plain file", file)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(file)
	}
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		err = failed.Err
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the file %s: %w", file, err)
	}
	return text, nil
}

// NotAfter is when the certificate in use ends.
func (k *Keeper) NotAfter() time.Time { return k.current.Load().Leaf.NotAfter }

// Config returns the settings of a listener: TLS 1.2 with forward secrecy and authenticated encryption alone, or 1.3 (RFC
// 9325 sections 3.1 and 4.2), and HTTP/2 before HTTP/1.1.
func (k *Keeper) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{ // of 1.2; those of 1.3 are all good
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return k.current.Load(), nil
		},
	}
}
