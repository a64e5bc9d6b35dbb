package s3_test

import (
	"fmt"
	"strings"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier/backends/s3"
)

// What is printed ends in logs: neither a configuration nor a backend shows its customer key, however it is printed.
func TestCustomerKeysAreNotPrinted(t *testing.T) {
	t.Parallel()
	cfg := s3.Config{SSE: s3.Encryption{CustomerKey: []byte("secret-secret-secret-secret-1234")}}
	b, err := s3.New(awss3.New(awss3.Options{Region: "us-east-1"}), "bucket", cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{cfg, &cfg, cfg.SSE, b} {
			text := fmt.Sprintf(verb, value)
			for _, secret := range []string{"secret-", "115 101 99", "0x73, 0x65", "736563"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T: %s", verb, value, text)
				}
			}
		}
	}
}
