package s3_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

// A backend over a client that the program configures itself.
func ExampleNew() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	store, err := s3.New(awss3.NewFromConfig(cfg), "my-bucket", s3.Config{
		Class: "STANDARD_IA",
		SSE:   s3.Encryption{Algorithm: "aws:kms"},
	})
	if err != nil {
		log.Fatal(err)
	}
	info, err := store.Put(ctx, "reports/2026.txt", dossier.BytesSource([]byte("all is well")), dossier.PutOptions{
		If: dossier.Condition{IfAbsent: true},
	})
	switch {
	case errors.Is(err, dossier.ErrExist):
		fmt.Println("there is one already")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println(info.Size, info.Version)
	}
}

// A backend by URL, as it stands in a configuration file. What a compatible server does not honour is found out.
func ExampleOpen() {
	store, err := s3.Open(context.Background(), "s3://my-bucket?endpoint=http://127.0.0.1:9000&path_style=true&region=us-east-1")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	if !store.Describe().Capabilities.Has(dossier.DeleteMatch) {
		fmt.Println("this server deletes whatever the condition says")
	}
}

// Bad input is found out before anything is asked.
func ExampleOpen_errors() {
	for _, url := range []string{"s3://", "s3://bucket/folder"} {
		_, err := s3.Open(context.Background(), url)
		fmt.Println(errors.Is(err, dossier.ErrInvalid), err)
	}
	// Output:
	// true open s3: invalid argument: the URL names no bucket
	// true open s3: invalid argument: the URL has a path; the bucket alone comes after s3://
}
