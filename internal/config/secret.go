package config

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// Secret is a setting that is never shown: it prints as [hidden], in logs too.
type Secret string

const hidden = "[hidden]"

// String returns a stand-in for the secret, and nothing where there is none.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString is String, for the verb %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue is String, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// maxSecretFile bounds a secret's file, in bytes: a path to something else is told from a secret.
const maxSecretFile = 64 << 10

// ReadSecret reads a secret that is no flag: from the environment, or from a file. It is empty where there is neither.
func ReadSecret(variable, file string) (Secret, error) {
	return Secret(strings.TrimSpace(os.Getenv(variable))).fromFile(file, variable)
}

// fromFile reads a secret from a file, unless file is empty. Space around it, such as the last line's end, is not
// part of it. variable names the setting.
func (s Secret) fromFile(file, variable string) (Secret, error) {
	switch {
	case file == "":
		return s, nil
	case s != "":
		return "", fmt.Errorf("both %s and %s_FILE are set: keep one of them", variable, variable)
	}
	f, err := os.Open(file)
	if err != nil {
		return "", unreadable(variable, file, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", unreadable(variable, file, err)
	}
	secret := Secret(strings.TrimSpace(string(text)))
	if secret == "" || len(text) > maxSecretFile {
		return "", fmt.Errorf("the file %s, which %s_FILE names, holds no secret: it is empty or too long", file, variable)
	}
	return secret, nil
}
