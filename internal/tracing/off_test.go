package tracing

import (
	"net/http"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

type handler struct{}

func (*handler) ServeHTTP(http.ResponseWriter, *http.Request) {}

type schema struct{ graphql.ExecutableSchema }

type upstreamServer struct{}

func (upstreamServer) RoundTrip(*http.Request) (*http.Response, error) { return nil, nil }

// What is not traced costs what it would cost if there were no tracing: the same values answer, and a request to others takes
// no memory more.
func TestOffCostsNothing(t *testing.T) {
	var off *Tracing
	h, s := &handler{}, &schema{}
	if off.Handler(h) != http.Handler(h) || off.Schema(s) != graphql.ExecutableSchema(s) || off.Statement() != nil || len(off.Extensions()) > 0 {
		t.Error("something is put before what is not traced")
	}
	request, err := http.NewRequest(http.MethodGet, "https://source.example.com/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	cost := func(through http.RoundTripper) float64 {
		return testing.AllocsPerRun(100, func() { _, _ = through.RoundTrip(request) })
	}
	if plain, wrapped := cost(upstreamServer{}), cost(Transport(upstreamServer{})); wrapped > plain {
		t.Errorf("a request to others allocates %v times, and %v times without tracing", wrapped, plain)
	}
}
