package memory_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
)

func Example() {
	ctx := context.Background()
	store := memory.New(memory.Config{Budget: 1 << 20})
	_, err := store.Put(ctx, "greeting", dossier.BytesSource([]byte("hello")), dossier.PutOptions{})
	if err != nil {
		log.Fatal(err)
	}
	text, err := dossier.ReadAll(ctx, store, "greeting", 0)
	fmt.Println(string(text), err)
	// Output: hello <nil>
}

// A write that does not fit is refused; nothing is thrown out for it.
func ExampleConfig_budget() {
	ctx := context.Background()
	store := memory.New(memory.Config{Budget: 4})
	_, err := store.Put(ctx, "greeting", dossier.BytesSource([]byte("hello")), dossier.PutOptions{})
	fmt.Println(errors.Is(err, dossier.ErrTooLarge))
	// Output: true
}

// Signed URLs work for one store, method and object; package filehttp serves them.
func ExampleBackend_SignURLs() {
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "2026", Secret: []byte(strings.Repeat("s", 32))})
	if err != nil {
		log.Fatal(err)
	}
	store := memory.New(memory.Config{Signer: signer, BaseURL: "https://files.example/"})
	signed, err := dossier.SignURLs(context.Background(), store, dossier.SignRequest{Key: "a b.txt", TTL: time.Hour})
	if err != nil {
		log.Fatal(err)
	}
	address, _, _ := strings.Cut(signed[0].URL, "?")
	fmt.Println(signed[0].Method, address)
	// Output: GET https://files.example/a%20b.txt
}
