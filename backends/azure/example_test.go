package azure_test

import (
	"context"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/azure"
)

// A backend over a client of one's own, which signs URLs with the account key.
func ExampleNew() {
	key, err := container.NewSharedKeyCredential("account", "c2VjcmV0")
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := container.NewClientWithSharedKeyCredential("https://account.blob.core.windows.net/files", key, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := azure.New(client, azure.Config{SharedKey: key, Class: "Cool"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.Describe().Store, b.Describe().Capabilities.Has(dossier.SignGet|dossier.SignPut))
	// Output: azblob:account/files true
}

// A URL with which a browser uploads one new object: it must send the returned header fields.
func ExampleBackend_SignURLs() {
	key, _ := container.NewSharedKeyCredential("account", "c2VjcmV0")
	client, _ := container.NewClientWithSharedKeyCredential("https://account.blob.core.windows.net/files", key, nil)
	b, err := azure.New(client, azure.Config{SharedKey: key})
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := b.SignURLs(context.Background(), []dossier.SignRequest{{
		Method: "PUT", Key: "uploads/a.txt", TTL: time.Hour, If: dossier.Condition{IfAbsent: true},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(signed[0].Method, signed[0].Header)
	// Output: PUT map[X-Ms-Blob-Type:[BlockBlob]]
}
