package command

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/roster-gateway/roster/internal/certificate"
	"github.com/roster-gateway/roster/internal/command/front"
	"github.com/roster-gateway/roster/internal/telemetry"
)

// The limits of a connection that no setting changes. Single requests have deadlines of their own; see package front.
const (
	// maxStreams is how many requests one connection of HTTP/2 may have under way.
	maxStreams = 100
)

// connectionLimits bound how long a connection may keep Roster waiting.
type connectionLimits struct {
	// header is for a TLS handshake, and for the headers of a request.
	header time.Duration
	// idle is between requests.
	idle time.Duration
	// frame is how long a connection of HTTP/2 may take nothing of what waits to be sent, and how long it may be silent
	// until it is asked whether it is still there, and until it answers that.
	frame time.Duration
}

var defaultLimits = connectionLimits{header: 5 * time.Second, idle: 2 * time.Minute, frame: 30 * time.Second}

// listen takes the addresses and answers the probes on them.
func (s *service) listen() error {
	if s.settings.TLSCertFile != "" {
		var err error
		files := certificate.Files{Certificate: s.settings.TLSCertFile, Key: s.settings.TLSKeyFile}
		if s.certificate, err = certificate.Open(files, s.log); err != nil {
			return err
		}
	}
	s.front = front.New(s.log, s.settings.RequestTimeout)
	listener, err := net.Listen("tcp", s.settings.Listen)
	if err != nil {
		return listenError("ROSTER_LISTEN", s.settings.Listen, err)
	}
	s.address = listener.Addr()
	if s.settings.ManagementListen != "" {
		apart, err := net.Listen("tcp", s.settings.ManagementListen)
		if err != nil {
			listener.Close()
			return listenError("ROSTER_MANAGEMENT_LISTEN", s.settings.ManagementListen, err)
		}
		s.log.Info("serving probes and metrics", "address", apart.Addr().String())
		s.management = s.serve(apart, s.front.Management())
	}
	s.http = s.serve(listener, s.front)
	return nil
}

// serve serves a handler on a listener, over TLS where there is a certificate.
func (s *service) serve(listener net.Listener, handler http.Handler) *http.Server {
	server := &http.Server{
		Handler:           telemetry.Observe(s.tracing.Handler(handler), s.log, s.metrics),
		ReadHeaderTimeout: s.limits.header,
		IdleTimeout:       s.limits.idle,
		MaxHeaderBytes:    s.settings.MaxHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams, WriteByteTimeout: s.limits.frame, SendPingTimeout: s.limits.frame, PingTimeout: s.limits.frame},
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		// "OPTIONS *" needs a token like everything else.
		DisableGeneralOptionsHandler: true,
	}
	serve := server.Serve
	if s.certificate != nil {
		server.TLSConfig = s.certificate.Config()
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	go func() {
		if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.ended <- err
		}
	}()
	return server
}
