package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/config"
	"github.com/roster-gateway/roster/internal/secret"
	"github.com/roster-gateway/roster/store"
)

// secretsCommand changes the key of secrets in two steps, so that replicas which run can decrypt all the time: a key that
// waits is brought to all of them first, and encrypts only then.
type secretsCommand struct {
	AddKey addKeyCommand        `cmd:"" help:"Add a key to a keyset file, for secrets to be encrypted with later."`
	Rotate rotateSecretsCommand `cmd:"" set:"log_level=info" help:"Encrypt all secrets with the key that was added last."`
}

type addKeyCommand struct {
	File string `arg:"" help:"The keyset file."`
}

// Help says what comes next.
func (addKeyCommand) Help() string {
	return "The key encrypts nothing yet. Copy the file to every replica; each takes it up by itself. Then run roster secrets rotate."
}

// Run adds a key, unless one waits already.
func (c *addKeyCommand) Run(p *program) error {
	keys, err := secret.ReadKeys(c.File)
	if err != nil {
		return err
	}
	did := "A key waits already in"
	if !keys.Waiting() {
		if err := keys.Add(); err != nil {
			return err
		}
		did = "Added a key to"
	}
	_, err = fmt.Fprintf(p.stdout, "%s %s. Copy the file to every replica, then run roster secrets rotate.\n", did, c.File)
	return err
}

type rotateSecretsCommand struct {
	DropOld         bool `help:"Delete the keys that encrypt nothing any more from the file. Refused while a secret needs one of them."`
	config.Database `embed:"" group:"Database"`
	config.Secrets  `embed:"" group:"Access"`
	config.Log      `embed:"" group:"Log"`
}

// Help says when to run it.
func (rotateSecretsCommand) Help() string {
	return "Run it where every replica has the file that roster secrets add-key has changed; they go on serving. Copy the file to " +
		"them again afterwards, so that they encrypt with the new key too. It may be run again at any time."
}

// Run has the newest key encrypt, and every secret encrypted with it.
func (c *rotateSecretsCommand) Run(p *program) error {
	if err := c.Database.Complete(); err != nil {
		return err
	}
	file, err := c.keysetFile()
	if err != nil {
		return err
	}
	keys, err := secret.ReadKeys(file)
	if err != nil {
		return err
	}
	d, end, err := openOnce(p, c.Database, c.Log)
	if err != nil {
		return err
	}
	defer end()
	s, err := store.Open(p.ctx, store.Config{URL: d.url, MaxConns: 2})
	if err != nil {
		return err
	}
	defer s.Close()

	promoted := keys.Waiting()
	switch {
	case promoted && c.DropOld:
		return fmt.Errorf("a key waits in %s: run roster secrets rotate without --drop-old first, and copy the file to every replica", file)
	case promoted:
		if err := keys.Promote(); err != nil {
			return err
		}
	}
	box, err := secret.Open(file, false)
	if err != nil {
		return err
	}
	done, err := directory.Reseal(p.ctx, s, box)
	if err != nil {
		return fmt.Errorf("%d secrets were encrypted anew, then it failed; run it again, it goes on from there: %w", done.Changed, err)
	}
	if len(done.Lost) > 0 {
		return fmt.Errorf("these cannot be decrypted with the keys in %s and were left as they are, set them again or delete them: %s", file, strings.Join(done.Lost, ", "))
	}
	if c.DropOld {
		return dropOld(p, keys, file, done)
	}
	fmt.Fprintf(p.stdout, "%d of %d secrets were encrypted anew.\n", done.Changed, done.Secrets)
	next := "No key waited to be used: roster secrets add-key adds one."
	if promoted {
		next = fmt.Sprintf("Copy %s to every replica, so that they encrypt with the new key too.", file)
	}
	fmt.Fprintln(p.stdout, next)
	return nil
}

// keysetFile is the file to be changed.
func (c *rotateSecretsCommand) keysetFile() (string, error) {
	if c.SecretsKeysetJSON != "" {
		return "", errors.New("a variable cannot be changed by a program: write the keyset to a file, name that by ROSTER_SECRETS_KEYSET instead of ROSTER_SECRETS_KEYSET_JSON, and set the variable from it afterwards")
	}
	c.Fill(c.Database)
	if c.SecretsKeyset == "" {
		return "", errors.New("ROSTER_SECRETS_KEYSET is not set: name the keyset file")
	}
	return c.SecretsKeyset, nil
}

// dropOld deletes the old keys. A secret that one of them had encrypted until now was probably set at a replica that has
// not got the file yet, and would go on with it.
func dropOld(p *program, keys *secret.Keys, file string, done directory.Resealed) error {
	if done.Changed > 0 {
		return fmt.Errorf("the old keys were kept: %d secrets were encrypted with one until now, so that some replica may still do. Copy %s to every replica, then run this again", done.Changed, file)
	}
	n := keys.Old()
	if n > 0 {
		if err := keys.DropOld(); err != nil {
			return err
		}
	}
	fmt.Fprintf(p.stdout, "Deleted %d old keys from %s. Backups of the database from before the rotation need them: keep a copy as long as those.\n", n, file)
	return nil
}
