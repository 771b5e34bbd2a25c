package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/roster-gateway/roster/internal/config"
	"github.com/roster-gateway/roster/internal/secret"
)

type keysetCommand struct {
	File string `arg:"" help:"The file to make, readable by its owner only."`
}

// Help says what to do with the file.
func (keysetCommand) Help() string {
	return "Roster encrypts the secrets that it keeps, such as the credentials of identity sources, with the keys of this file. " +
		"Give every replica a copy by ROSTER_SECRETS_KEYSET, and back it up: without it, the secrets are lost."
}

// Run makes the file.
func (c *keysetCommand) Run(p *program) error {
	if _, err := os.Lstat(c.File); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already: it is left as it is", c.File)
	}
	if _, err := secret.Open(c.File, true); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "Made %s. Set ROSTER_SECRETS_KEYSET to it on every replica, and back it up.\n", c.File)
	return err
}

// openKeyset gives the keys that secrets are encrypted with; nil where there are none. Only the keyset of Roster's own
// data folder is made by itself: replicas that each made their own could not read each other's secrets.
func openKeyset(settings *config.Settings) (Sealer, error) {
	if settings.SecretsKeysetJSON != "" {
		box, err := secret.Parse(settings.SecretsKeysetJSON.Reveal(), "in ROSTER_SECRETS_KEYSET_JSON")
		if err != nil {
			return nil, err
		}
		return box, nil
	}
	file := settings.SecretsKeyset
	if file == "" {
		return nil, nil
	}
	shared := settings.DatabaseURL != ""
	if _, err := os.Stat(file); shared && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the secrets keyset %s does not exist: make it once with roster keyset, and give every replica a copy", file)
	}
	box, err := secret.Open(file, !shared)
	if err != nil {
		return nil, err
	}
	return box, nil
}
