package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The size of the simulated tenant that is synchronized beside the load, and how often it changes.
const (
	tenantUsers  = "200"
	tenantGroups = "20"
	tenantChurn  = "300/min"
)

// keysetFile holds the keys of secrets, in the folder of a run.
const keysetFile = "keyset.json"

// simulate starts a simulated tenant, and returns its configuration and how to end it.
func simulate(ctx context.Context, binary, folder string) (config map[string]string, end func(), err error) {
	cmd := exec.Command(binary, "sim", "graph", "--users", tenantUsers, "--groups", tenantGroups, "--churn", tenantChurn, "--seed", "1")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "TMPDIR=" + folder}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	end = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	config = map[string]string{}
	for lines := bufio.NewScanner(out); len(config) < 6 && lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), " = ")
		config[key] = value
	}
	certificate, err := os.ReadFile(config["caFile"])
	if err != nil {
		end()
		return nil, nil, fmt.Errorf("the simulator printed no settings: %w", errors.Join(err, ctx.Err()))
	}
	delete(config, "caFile")
	config["tls.caCertificate"] = string(certificate)
	return config, end, nil
}

// makeKeyset makes the keys that Rosters of a folder encrypt secrets with.
func makeKeyset(ctx context.Context, binary, folder string) error {
	if out, err := exec.CommandContext(ctx, binary, "keyset", filepath.Join(folder, keysetFile)).CombinedOutput(); err != nil {
		return fmt.Errorf("making a keyset: %w\n%s", err, out)
	}
	return nil
}

// addTenant sets an instance up that reads the tenant. The guard is wide: what a tenant loses at random is no accident.
func (w *world) addTenant(ctx context.Context, config map[string]string) error {
	r := w.replicas[0]
	const add = `mutation($input: AddProviderInput!) { m: addProvider(input: $input) { userErrors { code message } } }`
	if _, err := r.mutate(ctx, w.admin, add, object{"name": "AAD", "type": "AzureAD"}); err != nil {
		return err
	}
	const instance = `mutation($input: AddProviderInstanceInput!) { m: addProviderInstance(input: $input) { userErrors { code message } } }`
	if _, err := r.mutate(ctx, w.admin, instance, object{"provider": "AAD"}); err != nil {
		return err
	}
	config["guard.maxDeletePercent"], config["guard.maxUnlinkPercent"] = "100", "100"
	for key, value := range config {
		const set = `mutation($input: SetRuntimeConfigInput!) { m: setRuntimeConfig(input: $input) { userErrors { code message } } }`
		if _, err := r.mutate(ctx, w.admin, set, object{"provider": "AAD", "key": key, "value": value}); err != nil {
			return fmt.Errorf("setting %s: %w", key, err)
		}
	}
	return nil
}

// synchronize starts one run after the other until the context ends.
func (w *world) synchronize(ctx context.Context) {
	for pause(ctx, time.Second) {
		const start = `mutation($input: StartSyncInput!) { m: startSync(input: $input) { userErrors { code message } } }`
		_, err := w.replicas[0].mutate(context.Background(), w.admin, start, object{"provider": "AAD"})
		if refused := (*refusal)(nil); errors.As(err, &refused) && !refused.unavailable && !refused.conflict {
			w.mu.Lock()
			w.mistaken++
			w.problem(fmt.Errorf("starting a synchronization: %w", err))
			w.mu.Unlock()
		}
	}
}

// synchronized waits until no run is under way, and returns how many there were and how many of them failed.
func (w *world) synchronized(ctx context.Context) (runs, failed int, err error) {
	for end := time.Now().Add(time.Minute); ; {
		live := 0
		err := w.db.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE status = 'FAILED'),
			count(*) FILTER (WHERE status IN ('QUEUED', 'SYNCHRONIZING')) FROM sync_run`).Scan(&runs, &failed, &live)
		switch {
		case err != nil || live == 0:
			return runs, failed, err
		case time.Now().After(end):
			return runs, failed, errors.New("a synchronization does not end")
		case !pause(ctx, 100*time.Millisecond):
			return runs, failed, ctx.Err()
		}
	}
}

// tenantAgrees compares what GraphQL and the tables say of the synchronized identities.
func (w *world) tenantAgrees(ctx context.Context) error {
	rows, err := w.db.QueryContext(ctx, `SELECT i.fqn FROM identity i JOIN provider_instance pi ON pi.id = i.instance_id
		JOIN provider p ON p.id = pi.provider_id WHERE p.name = 'AAD' AND i.status <> 'DELETED'`)
	if err != nil {
		return err
	}
	defer rows.Close()
	inStore := map[string]bool{}
	for rows.Next() {
		var fqn string
		if err := rows.Scan(&fqn); err != nil {
			return err
		}
		inStore[fqn] = true
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(inStore) == 0 {
		return errors.New("nobody was synchronized")
	}
	for fqn := range inStore {
		var answer struct{ Identity *struct{ FQN string } }
		query := `query($fqn: String!) { identity(fqn: $fqn) { fqn } }`
		if _, err := w.replicas[0].graphQL(ctx, w.read, "", query, object{"fqn": fqn}, &answer); err != nil {
			return err
		}
		if answer.Identity == nil || answer.Identity.FQN != fqn {
			return fmt.Errorf("the tables hold %s, and GraphQL does not", fqn)
		}
	}
	return nil
}
