package command

import (
	"database/sql"
	"encoding/base64"
	"encoding/hex"
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

	"github.com/roster-gateway/roster/internal/sim/graph"
	"github.com/roster-gateway/roster/internal/testpg"
)

// forms are a secret as it is and as it may be written: in hex, base64, a URL, JSON. Of base64 it is the part that does not
// depend on what stands before it.
func forms(secret string) []string {
	asJSON, _ := json.Marshal(secret)
	out := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(string(asJSON), `"`), hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret)))}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for skip := range 3 {
			rest := secret[skip:]
			out = append(out, e.EncodeToString([]byte(rest[:len(rest)/3*3])))
		}
	}
	return out
}

// leaks returns each place that holds a secret in one of its forms, with what stands around it.
func leaks(places, secrets map[string]string) (found []string) {
	for place, text := range places {
		for what, secret := range secrets {
			for _, form := range forms(secret) {
				if at := strings.Index(text, form); at >= 0 {
					found = append(found, fmt.Sprintf("%s is in %s: ...%s...", what, place, text[max(0, at-80):min(len(text), at+80)]))
				}
			}
		}
	}
	return found
}

// TestQ7TheSearchFindsLeaks plants a secret in each of its forms, so that finding none means something.
func TestQ7TheSearchFindsLeaks(t *testing.T) {
	t.Parallel()
	const secret = "canary~secret+1/<right>"
	secrets := map[string]string{"the secret": secret}
	around := func(form string) map[string]string {
		return map[string]string{"the log": `{"msg":"` + form + `","n":1}`}
	}
	for _, planted := range append(forms(secret), "Basic "+base64.StdEncoding.EncodeToString([]byte("id:"+secret)), `\\x`+hex.EncodeToString([]byte("before"+secret+"after"))) {
		if found := leaks(around(planted), secrets); len(found) == 0 || !strings.Contains(found[0], "the secret is in the log") {
			t.Errorf("%s is not found: %v", planted, found)
		}
	}
	for _, harmless := range []string{"", "[hidden]", secret[1:], "canary"} {
		if found := leaks(around(harmless), secrets); len(found) > 0 {
			t.Errorf("%q is taken for a leak: %v", harmless, found)
		}
	}
}

// TestQ7CanarySecrets has secrets everywhere that Roster takes one, lets everything happen to them that may go wrong, at the
// most talkative level, with an upstream that repeats what it was sent, and looks for them in all that Roster leaves.
func TestQ7CanarySecrets(t *testing.T) {
	t.Parallel()
	const known = "6ae6783f-4fbd-491b-aeb8-8b73a48ed247" // no secret: it has to be found
	secrets := map[string]string{
		"the client secret": "canary~secret+1/<right>", "the wrong client secret": "canary~secret+2/<wrong>",
		"the admin token": "canary-admin-token-3-x", "the database password": "canary~password+4",
	}
	tenant := graph.NewTenant(1)
	tenant.Populate(20, 4, 1)
	sim, err := graph.Start(graph.Config{Tenant: tenant, ClientID: known, ClientSecret: secrets["the client secret"]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	var trouble atomic.Int32 // the status to answer Graph with, and the sign-in with where it is negative; 0: none
	simURL, _ := url.Parse(sim.URL())
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(simURL); r.SetXForwarded() },
		Transport: sim.Client().Transport,
		ModifyResponse: func(r *http.Response) error { // links lead here, and tokens are secrets
			text, err := io.ReadAll(r.Body)
			body := strings.ReplaceAll(string(text), sim.URL(), "https://"+r.Request.Header.Get("X-Forwarded-Host"))
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
	plain := testpg.New(t)
	address, err := url.Parse(plain)
	if err != nil {
		t.Fatal(err)
	}
	if _, has := address.User.Password(); !has { // it is trusted as it is, and asked for none
		address.User = url.UserPassword(address.User.Username(), secrets["the database password"])
	}
	traced := receive(t)
	c := serve(t, "ROSTER_DATABASE_URL="+address.String(), "ROSTER_ADMIN_TOKEN="+secrets["the admin token"], "ROSTER_SECRETS_KEYSET="+keyset,
		"ROSTER_LOG_LEVEL=debug", "OTEL_EXPORTER_OTLP_ENDPOINT="+traced.server.URL, "ROSTER_ALLOW_PRIVATE_SOURCES=true", "ROSTER_REQUEST_TIMEOUT=60s")
	var answers strings.Builder
	ask := func(format string, args ...any) string {
		t.Helper()
		answer := c.graphQL(secrets["the admin token"], fmt.Sprintf(format, args...))
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
	set("aad.clientSecret", secrets["the client secret"])
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
		request := c.question(secrets["the admin token"], "", string(query))
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
		set("aad.clientSecret", secrets["the client secret"]) // as somebody does who tries again
		sync("FAILED")
	}
	trouble.Store(0)
	set("aad.clientSecret", secrets["the wrong client secret"])
	sync("FAILED")
	_, wrong := c.get("/metrics", secrets["the admin token"])
	answers.WriteString(wrong)
	for _, path := range []string{"/health/ready", "/scim/v2/Users"} {
		_, text := c.get(path, secrets["the wrong client secret"])
		answers.WriteString(text)
	}
	if !strings.Contains(wrong, `roster_sync_runs_total{status="failed",type="AzureAD"} 6`) || !strings.Contains(wrong, `roster_sync_last_success_seconds{instance="",provider="AAD"}`) {
		t.Errorf("the metrics do not tell of the runs:\n%s", wrong)
	}
	ask(`{ providers { name instances { name state stateReason runtimeConfig { key value secret } runs(first: 50) { nodes { reason } } } } }`)

	ask(`{ audit(first: 1000) { nodes { actor action target before after detail } } }`)

	if text, _ := token.Load().(string); len(text) > 20 {
		secrets["an access token"] = text
	} else {
		t.Error("no access token was used")
	}
	c.signal(syscall.SIGTERM)
	c.exit(patience)
	help := launch(t, []string{"ROSTER_DATABASE_URL=" + address.String(), "ROSTER_ADMIN_TOKEN=" + secrets["the admin token"]}, "serve", "--help")
	help.exit(patience)
	places := map[string]string{"the database": dump(t, plain), "the log": c.stderr.String(), "the output": c.stdout.String(), "the answers": answers.String(), "the traces": traced.text(), "the help": help.stdout.String()}
	if len(traced.find("synchronization")) == 0 || !strings.Contains(places["the traces"], "login") && len(traced.find("GET")) == 0 {
		t.Error("no synchronization was recorded: nothing was looked at in the traces")
	}
	if !strings.Contains(places["the help"], "ROSTER_ADMIN_TOKEN") {
		t.Error("the help lacks the settings")
	}
	for _, place := range []string{"the database", "the answers"} {
		if !strings.Contains(places[place], known) {
			t.Errorf("%s lacks what is no secret: nothing was looked at", place)
		}
	}
	for _, leak := range leaks(places, secrets) {
		t.Error(leak)
	}
}

// dump is every row of every table as text, in which bytes are in hex.
func dump(t *testing.T, address string) string {
	t.Helper()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var text string
	var tables []string
	rows, err := db.Query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if len(tables) < 10 {
		t.Errorf("there are only the tables %v", tables)
	}
	for _, name := range tables {
		var part string
		if err := db.QueryRow(fmt.Sprintf(`SELECT coalesce(string_agg(t::text, E'\n'), '') FROM %q t`, name)).Scan(&part); err != nil {
			t.Fatal(err)
		}
		text += part + "\n"
	}
	return text
}
