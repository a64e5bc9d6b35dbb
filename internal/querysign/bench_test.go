package querysign_test

import (
	"testing"

	"github.com/dossier-go/dossier/internal/querysign"
)

func BenchmarkURL(b *testing.B) {
	cred, request := documented()
	signer := querysign.New(querysign.AWS(), "us-east-1")
	b.ReportAllocs()
	for b.Loop() {
		signer.URL(cred, request)
	}
}
