package gcs_test

import (
	"fmt"
	"strings"
	"testing"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/dossier-go/dossier/backends/gcs"
)

// What is printed ends in logs: neither a configuration nor a backend shows its keys, however it is printed.
func TestKeysAreNotPrinted(t *testing.T) {
	t.Parallel()
	client, err := storage.NewClient(t.Context(), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	cfg := gcs.Config{HMAC: gcs.HMACKey{AccessID: "GOOG", Secret: "secret"}, SigningKey: []byte("secret"), SigningAccount: "a"}
	b, err := gcs.New(client, "bucket", gcs.Config{HMAC: cfg.HMAC})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{cfg, &cfg, cfg.HMAC, b} {
			text := fmt.Sprintf(verb, value)
			for _, secret := range []string{"secret", "115 101 99", "0x73, 0x65", "736563"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T: %s", verb, value, text)
				}
			}
		}
	}
}
