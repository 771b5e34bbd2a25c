package graph

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// The permissions any of which lets read ("user: delta", "group: delta", Permissions).
var (
	usersRead  = []string{"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	groupsRead = []string{"GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
)

// failure is an error answer of Graph ("Microsoft Graph error responses and resource types").
type failure struct {
	status         int
	code, message  string
	freshBeginning string // Location, where a round can begin anew
}

func (f *failure) Error() string { return f.message }

func notFound(id string) error {
	return &failure{http.StatusNotFound, "Request_ResourceNotFound", "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present.", ""}
}

func badRequest(message string) error {
	return &failure{http.StatusBadRequest, "BadRequest", message, ""}
}

// graph answers requests to Graph: it looks at the token and the permissions, and lets the adversary spoil the answer.
func (s *Server) graph(answer func(*http.Request) (any, error), roles []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked++
		allowed := roles == nil || slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(s.roles, role) })
		s.mu.Unlock()
		w.Header().Set("request-id", uuid.NewString())
		w.Header().Set("client-request-id", r.Header.Get("client-request-id"))
		spoil := s.Adversary.fault()
		if s.spoiled(w, r, spoil) {
			return
		}
		out, err := any(nil), s.authorize(r)
		switch {
		case err != nil:
			w.Header().Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+s.url+`/common/oauth2/authorize"`)
		case !allowed:
			err = &failure{http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.", ""}
		default:
			out, err = answer(r)
		}
		if err != nil {
			fail(w, r, err)
			return
		}
		body, _ := json.Marshal(out)
		w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
		w.Header().Set("OData-Version", "4.0")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		if spoil == truncated {
			_, _ = w.Write(body[:len(body)/2])
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(body)
	})
}

// spoiled answers in place of Graph where the fault is one of that kind.
func (s *Server) spoiled(w http.ResponseWriter, r *http.Request, f fault) bool {
	switch f {
	case throttled:
		w.Header().Set("Retry-After", strconv.Itoa(s.Adversary.pick(2)))
		fail(w, r, &failure{http.StatusTooManyRequests, "TooManyRequests", "Too many requests.", ""})
	case throttledSilently:
		fail(w, r, &failure{http.StatusTooManyRequests, "activityLimitReached", "Application is over its quota.", ""})
	case unavailable:
		fail(w, r, &failure{http.StatusServiceUnavailable, "serviceNotAvailable", "The service is temporarily unavailable.", ""})
	case gatewayTimeout: // comes from a proxy, and is no JSON
		w.WriteHeader(http.StatusGatewayTimeout)
		_, _ = w.Write([]byte("<html><body>504 Gateway Time-out</body></html>"))
	case reset:
		cut(w)
	default:
		return false
	}
	return true
}

// cut breaks the connection.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if secure, ok := conn.(*tls.Conn); ok {
		if tcp, ok := secure.NetConn().(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
			_ = tcp.Close()
			return
		}
	}
	_ = conn.Close()
}

func fail(w http.ResponseWriter, r *http.Request, err error) {
	f := &failure{http.StatusInternalServerError, "UnknownError", err.Error(), ""}
	errors.As(err, &f)
	if f.freshBeginning != "" {
		w.Header().Set("Location", f.freshBeginning)
	}
	var body bytes.Buffer
	_ = json.NewEncoder(&body).Encode(row{"error": row{"code": f.code, "message": f.message, "innerError": row{
		"date": time.Now().UTC().Format("2006-01-02T15:04:05"), "request-id": w.Header().Get("request-id"),
		"client-request-id": r.Header.Get("client-request-id"),
	}}})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	_, _ = w.Write(body.Bytes())
}
