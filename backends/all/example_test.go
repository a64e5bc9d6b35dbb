package all_test

import (
	"context"
	"fmt"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/all"
)

func ExampleOpen() {
	ctx := context.Background()
	store, err := all.Open(ctx, "mem://uploads?budget=64MiB")
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := &dossier.Registry{}
	fmt.Println(registry.Register("uploads", store), store.Describe().Store)

	_, err = all.Open(ctx, "ftp://example.com/files")
	fmt.Println(err)
	// Output:
	// <nil> mem:uploads
	// open backend: unsupported operation: the scheme "ftp"; there are file:///absolute/folder, mem://name, s3://bucket, gs://bucket, azblob://container
}
