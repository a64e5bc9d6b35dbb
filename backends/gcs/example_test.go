package gcs_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/gcs"
)

func Example() {
	ctx := context.Background()
	store, err := gcs.Open(ctx, "gs://bucket?class=NEARLINE&stall_timeout=1m")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	_, err = store.Put(ctx, "greeting", dossier.BytesSource([]byte("hello")), dossier.PutOptions{
		If: dossier.Condition{IfAbsent: true},
	})
	if err != nil {
		log.Print(err)
	}
}

// A URL with which a browser can upload one PNG of at most 5 MB, once.
func ExampleBackend_SignURLs() {
	ctx := context.Background()
	client, err := storage.NewClient(ctx, option.WithoutAuthentication())
	if err != nil {
		log.Fatal(err)
	}
	store, err := gcs.New(client, "bucket", gcs.Config{HMAC: gcs.HMACKey{AccessID: "GOOG1E…", Secret: "…"}})
	if err != nil {
		log.Fatal(err)
	}
	signed, err := dossier.SignURLs(ctx, store, dossier.SignRequest{
		Method: "PUT", Key: "avatars/a b.png", TTL: 10 * time.Minute, ContentType: "image/png", MaxLength: 5e6,
		If: dossier.Condition{IfAbsent: true},
	})
	if err != nil {
		log.Fatal(err)
	}
	address, _, _ := strings.Cut(signed[0].URL, "?")
	fmt.Println(address)
	fmt.Println(signed[0].Header.Get("X-Goog-Content-Length-Range"), signed[0].Header.Get("X-Goog-If-Generation-Match"))
	// Output:
	// https://storage.googleapis.com/bucket/avatars/a%20b.png
	// 0,5000000 0
}
