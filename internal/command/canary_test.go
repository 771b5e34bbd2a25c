package command

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/sim/graph"
	"github.com/roster-gateway/roster/internal/testpg"
)

// TestQ7CanarySecrets has secrets everywhere that Roster takes one, lets everything happen to them that may go wrong, at the
// most talkative level, with an upstream that repeats what it was sent, and looks for them in all that Roster leaves.
func TestQ7CanarySecrets(t *testing.T) {
	t.Parallel()
	const known = "6ae6783f-4fbd-491b-aeb8-8b73a48ed247" // no secret: it has to be found
	const right, wrong = canary.Mark + "~secret+1/<right>", canary.Mark + "~secret+2/<wrong>"
	tenant := graph.NewTenant(1)
	tenant.Populate(20, 4, 1)
	sim, err := graph.Start(graph.Config{Tenant: tenant, ClientID: known, ClientSecret: right})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	var trouble atomic.Int32 // the status to answer Graph with, and the sign-in with where it is negative; 0: none
	simURL, _ := url.Parse(sim.URL())
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(simURL)
			r.SetXForwarded()
			r.Out.Header.Set("Authorization", strings.Replace(r.In.Header.Get("Authorization"), canary.Mark, "", 1))
		},
		Transport: sim.Client().Transport,
		ModifyResponse: func(r *http.Response) error { // links lead here, and tokens are secrets
			text, err := io.ReadAll(r.Body)
			body := strings.ReplaceAll(string(text), sim.URL(), "https://"+r.Request.Header.Get("X-Forwarded-Host"))
			body = strings.ReplaceAll(body, `"access_token":"`, `"access_token":"`+canary.Mark)
			body = strings.ReplaceAll(body, simURL.Host, r.Request.Header.Get("X-Forwarded-Host"))
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			r.Header.Del("Content-Length")
			return err
		},
	}
	var token atomic.Value
	source := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		isGraph := strings.HasPrefix(r.URL.Path, "/v1.0/")
		if isGraph {
			token.Store(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		}
		status := int(trouble.Load())
		if status == 0 || isGraph != (status > 0) {
			forward.ServeHTTP(w, r)
			return
		}
		sent, _ := io.ReadAll(r.Body)
		echo := r.Header.Get("Authorization") + " " + string(sent)
		form, _ := url.ParseQuery(string(sent))
		echo += " " + form.Get("client_secret")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("WWW-Authenticate", `Bearer error="`+url.QueryEscape(echo)+`"`)
		w.WriteHeader(max(status, -status))
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": "Broken", "message": echo}, "error_description": echo})
	}))
	t.Cleanup(source.Close)

	keyset := t.TempDir() + "/keys.json"
	if code := launch(t, nil, "keyset", keyset).exit(patience); code != 0 {
		t.Fatal(code)
	}
	address := testpg.New(t)
	traced := receive(t)
	c := serve(t, "ROSTER_DATABASE_URL="+address, "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_SECRETS_KEYSET="+keyset,
		"ROSTER_LOG_LEVEL=debug", "OTEL_EXPORTER_OTLP_ENDPOINT="+traced.server.URL, "ROSTER_ALLOW_PRIVATE_SOURCES=true", "ROSTER_REQUEST_TIMEOUT=60s")
	var answers strings.Builder
	ask := func(format string, args ...any) string {
		t.Helper()
		answer := c.graphQL(admin, fmt.Sprintf(format, args...))
		answers.WriteString(answer)
		return answer
	}
	set := func(key, value string) {
		t.Helper()
		quoted, _ := json.Marshal(value)
		if answer := ask(`mutation { setRuntimeConfig(input: {provider: "AAD", key: %q, value: %s}) { userErrors { message } instance { runtimeConfig { key value } } } }`, key, quoted); !strings.Contains(answer, `"userErrors":[]`) {
			t.Fatal(answer)
		}
	}
	ask(`mutation { addProvider(input: {name: "AAD", type: AzureAD}) { userErrors { message } } }`)
	ask(`mutation { addProviderInstance(input: {provider: "AAD"}) { userErrors { message } } }`)
	set("aad.tenantDomain", tenant.ID)
	set("aad.clientId", known)
	set("aad.clientSecret", right)
	set("aad.authorityHost", source.URL)
	set("aad.graphEndpoint", source.URL)
	set("tls.caCertificate", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: source.Certificate().Raw})))

	sync := func(want string) {
		t.Helper()
		ask(`mutation { testConnection(input: {provider: "AAD"}) { ok checks { name ok detail } userErrors { message } } }`)
		var started struct {
			Data struct {
				StartSync struct{ Run struct{ ID string } }
			}
		}
		answer := ask(`mutation { startSync(input: {provider: "AAD", mode: FULL}) { run { id } userErrors { message } } }`)
		if err := json.Unmarshal([]byte(answer), &started); err != nil || started.Data.StartSync.Run.ID == "" {
			t.Fatalf("%v %s", err, answer)
		}
		id := started.Data.StartSync.Run.ID
		query, _ := json.Marshal(map[string]string{"query": `subscription { syncRun(id: "` + id + `") { status phase reason } }`})
		request := c.question(admin, "", string(query))
		request.Header.Set("Accept", "text/event-stream")
		if answer, err := (&http.Client{Timeout: patience}).Do(request); err == nil {
			text, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			answers.Write(text)
		}
		if answer := ask(`{ syncRun(id: %q) { status reason failures { nodes { message } } changes { nodes { fqn detail } } } }`, id); !strings.Contains(answer, `"status":"`+want+`"`) {
			t.Errorf("the run is not %s: %s", want, answer)
		}
	}
	sync("COMPLETE")
	for _, status := range []int32{401, 403, 400, -401, -400} {
		trouble.Store(status)
		set("aad.clientSecret", right) // as somebody does who tries again
		sync("FAILED")
	}
	trouble.Store(0)
	set("aad.clientSecret", wrong)
	sync("FAILED")
	_, metrics := c.get("/metrics", admin)
	for _, path := range []string{"/health/ready", "/scim/v2/Users"} {
		c.get(path, wrong)
	}
	if !strings.Contains(metrics, `roster_sync_runs_total{status="failed",type="AzureAD"} 6`) || !strings.Contains(metrics, `roster_sync_last_success_seconds{instance="",provider="AAD"}`) {
		t.Errorf("the metrics do not tell of the runs:\n%s", metrics)
	}
	ask(`{ providers { name instances { name state stateReason runtimeConfig { key value secret } runs(first: 50) { nodes { reason } } } } }`)

	ask(`{ audit(first: 1000) { nodes { actor action target before after detail } } }`)

	c.signal(syscall.SIGTERM)
	c.exit(patience)
	if help := launch(t, []string{"ROSTER_DATABASE_URL=" + address, "ROSTER_ADMIN_TOKEN=" + admin}, "serve", "--help"); help.exit(patience) != 0 || !strings.Contains(help.stdout.String(), "ROSTER_ADMIN_TOKEN") {
		t.Error("the help lacks the settings")
	}
	if len(traced.find("synchronization")) == 0 || len(traced.find("GET")) == 0 {
		t.Error("no synchronization was recorded: nothing was looked at in the traces")
	}
	if !strings.Contains(answers.String(), known) {
		t.Error("the answers lack what is no secret: nothing was looked at")
	}
	if issued, _ := token.Load().(string); !strings.HasPrefix(issued, canary.Mark) {
		t.Errorf("the source was asked with the token %q, which is not looked for", issued)
	}
	canary.Look(t, "the answers", answers.String())
	canary.Look(t, "the traces", traced.text())
}
