package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dossier-go/dossier"
)

// signerIn returns a signer with the secret of the folder, which is made when it is first needed: signed links outlive
// the process, and work with every process over the same folder.
func signerIn(dir string) (*dossier.Signer, error) {
	path := filepath.Join(dir, "signing.key")
	secret, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = writeSecret(dir, path); err == nil {
			secret, err = readSecret(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("signing secret: %w", err)
	}
	return dossier.NewSigner(dossier.SigningKey{ID: "1", Secret: secret})
}

func readSecret(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) < dossier.MinSecretLength {
		return nil, fmt.Errorf("%w: %s is damaged; delete it, and a new one is made (links given out before end)", dossier.ErrInvalid, path)
	}
	return secret, nil
}

// writeSecret makes a secret that only this user can read. It appears complete or not at all, and of two processes
// that start at once one wins.
func writeSecret(dir, path string) error {
	file, err := os.CreateTemp(dir, ".signing-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = fmt.Fprintln(file, hex.EncodeToString(newSecret()))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err = os.Link(file.Name(), path); errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

func newSecret() []byte {
	secret := make([]byte, dossier.MinSecretLength)
	_, _ = rand.Read(secret) // never fails
	return secret
}
