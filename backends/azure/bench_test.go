package azure_test

import (
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/azure"
)

// BenchmarkSignURL is the cost of one service SAS.
func BenchmarkSignURL(b *testing.B) {
	key, err := container.NewSharedKeyCredential("account", "c2VjcmV0")
	if err != nil {
		b.Fatal(err)
	}
	client, err := container.NewClientWithSharedKeyCredential("https://account.blob.core.windows.net/files", key, nil)
	if err != nil {
		b.Fatal(err)
	}
	store, err := azure.New(client, azure.Config{SharedKey: key})
	if err != nil {
		b.Fatal(err)
	}
	reqs := []dossier.SignRequest{{Key: "documents/2026/a b.pdf", TTL: time.Hour}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.SignURLs(b.Context(), reqs); err != nil {
			b.Fatal(err)
		}
	}
}
